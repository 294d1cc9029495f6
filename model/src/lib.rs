//! The words of assay: chains, block references, amounts, addresses, and every table that is stored.
//!
//! This crate does no I/O. The indexer writes what is described here and the query layer reads it;
//! neither knows the other.
//!
//! # Invariants
//!
//! * A table's columns are described once, here: the Arrow schema, the help text and the SQL
//!   catalogue are all made from the same [`Table`].
//! * Hashes are kept in display order (as block explorers and RPC show them), so the hex text of
//!   the stored bytes is the text that people know.

pub mod address;
pub mod batch;
pub mod bitcoin;
pub mod block_ref;
pub mod chain;
pub mod derived;
pub mod ethereum;
pub mod hex;
pub mod lake;
pub mod network;
pub mod reference;
pub mod ripemd160;
pub mod sats;
pub mod script;
pub mod sha256;
pub mod table;

pub use batch::Batch;
pub use block_ref::{BlockHash, BlockRef};
pub use chain::Chain;
pub use network::Network;
pub use sats::Sats;
pub use script::ScriptType;
pub use table::{Column, ColumnType, Table};
