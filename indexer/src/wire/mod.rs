//! Bitcoin's wire format: reading it from bytes, and the hashes that its pieces have.
//!
//! # Invariants
//!
//! * Nothing here panics on any input or allocates by a length that the input merely claims.
//! * Equal bytes give equal values: no I/O, no clock, no global state.

mod block;
pub mod hash;
pub mod header;
pub mod reader;
mod sha256_lanes;
pub mod transaction;

pub use block::{Block, TransactionIds};
pub use hash::{Hash, merkle_root, sha256d};
pub use header::Header;
pub use reader::{Reader, WireError};
pub use transaction::{Input, Output, Transaction};
