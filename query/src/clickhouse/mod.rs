//! The rows on a ClickHouse server: what they are, and how statements are sent to them.
//!
//! | file | what it holds |
//! |---|---|
//! | `server.rs` | a server, and what the log of its chains says at one moment |
//! | `table.rs` | a table there, as the catalog names it |
//! | `planner.rs` | which parts of a statement are sent, and which are carried out here |
//! | `translate/` | those parts as ClickHouse's SQL |
//! | `remote.rs` | such a part in the engine's plans |
//! | `scan.rs` | asks the server, and gives its rows to the engine |
//!
//! # Invariants
//!
//! * Every text that is sent asks for rows from the chain's first height to its watermark, no others.
//! * A part is sent only if ClickHouse gives the rows that the engine would give over a lake; what is
//!   not known to be the same stays here.
//! * Nothing is written: the server is told that the statement only reads.

pub(crate) mod planner;
mod remote;
mod scan;
pub(crate) mod server;
pub(crate) mod table;
mod translate;
