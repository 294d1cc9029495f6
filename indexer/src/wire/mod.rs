//! Bitcoin's wire format: reading it from bytes, and the hashes that its pieces have.
//!
//! # Invariants
//!
//! * Nothing here panics on any input or allocates by a length that the input merely claims.
//! * Equal bytes give equal values: no I/O, no clock, no global state.

mod block;
pub mod header;
mod merkle;
pub mod reader;
pub mod transaction;

pub use assay_model::sha256::{Hash, sha256d};

pub use block::{Block, TransactionIds};
pub use header::Header;
pub use merkle::merkle_root;
pub use reader::{Reader, WireError};
pub use transaction::{Input, Output, Transaction};
