//! Ethereum's serialisation, RLP: reading and writing blocks, transactions and receipts.
//!
//! # Invariants
//!
//! * Nothing here panics on any input or allocates by a length that the input merely claims.
//! * Equal bytes give equal values: no I/O, no clock, no global state.

pub mod block;
pub mod encode;
pub mod header;
pub mod reader;
pub mod receipt;
pub mod transaction;

pub use block::{Block, Withdrawal};
pub use header::Header;
pub use reader::{Reader, RlpError};
pub use receipt::{Log, Outcome, Receipt};
pub use transaction::{Authorization, Transaction};
