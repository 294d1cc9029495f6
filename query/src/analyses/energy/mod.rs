//! What chains burn: the power that Bitcoin and Ethereum draw, day by day, from their own headers.
//!
//! | file | what it holds |
//! |---|---|
//! | `hashing.rs`, `rewards.rs` | from difficulty to hash rate; what the rules of the chains say |
//! | `inputs.rs`, `gather.rs` | what a chain did on a day, and where that is known from |
//! | `machines.rs`, `nodes.rs` | what hashes, and what keeps a chain without hashing |
//! | `method.rs` | what a method is |
//! | `hardware.rs`, `revenue_share.rs` | the methods |
//! | `chance.rs` | how far guesses spread |
//! | `emissions.rs` | what a kilowatt-hour emits |
//! | `parameters.rs`, `bounds.rs` | what all of it depends on, and figures with bounds |
//! | `estimate.rs`, `rows.rs`, `run.rs`, `year.rs` | all of it together, kept, and told by year |
//! | `scenario.rs` | the same of the days that were kept, with other parameters |
//!
//! Methods are pure functions of what was gathered.

mod bounds;
mod chance;
mod emissions;
mod estimate;
mod gather;
mod hardware;
mod hashing;
mod inputs;
mod machines;
mod method;
mod nodes;
pub mod parameters;
mod revenue_share;
mod rewards;
mod rows;
mod run;
mod scenario;
mod year;

pub use self::bounds::Bounds;
pub use self::estimate::{Estimate, Options, estimate};
pub(crate) use self::hashing::{hash_rate_ths, target_difficulty};
pub use self::parameters::Parameters;
pub use self::run::{Summary, run};
pub(crate) use self::scenario::{INTERVAL, KEPT, scenario};
pub use self::year::{Comparison, Year, comparisons};

/// Name and version of all methods together: it changes whenever a row could.
const METHOD: &str = "energy/1";
