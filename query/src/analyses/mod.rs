//! What is computed once over a whole chain and kept, because it is too long to compute for every
//! question.
//!
//! # Invariants
//!
//! * Only blocks that are final are gone through, and only whole days.
//! * Computed at once or in many runs, by one thread or many, rows are the same to the byte.

pub mod balances;
pub(crate) mod calendar;
mod chain;
mod course;
pub mod energy;
pub mod holdings;
pub mod network;
mod series;

pub use self::chain::ChainOptions;
pub use self::course::Progress;
pub(crate) use self::series::write_file;
