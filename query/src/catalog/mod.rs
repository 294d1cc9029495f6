//! What SQL can name: the lake's tables, the views over them, and the tables that describe both.
//!
//! | file | what it holds |
//! |---|---|
//! | `lake.rs` | finds the lake and takes snapshots of it |
//! | `segment.rs` | one segment of a snapshot, its block times |
//! | `stored.rs` | a stored table as DataFusion scans it |
//! | `pruning.rs` | which segments a filter needs |
//! | `statistics.rs` | what is known of a file without opening it |
//! | `names.rs` | catalog and schemas: from a name to a table |
//! | `store.rs` | the lake's files as the engine opens them |
//! | `described.rs` | every table and column in words |
//! | `information_schema.rs`, `system.rs` | the descriptions and the lake's state as tables |

pub(crate) mod described;
mod information_schema;
pub(crate) mod lake;
pub(crate) mod names;
mod pruning;
pub(crate) mod segment;
mod statistics;
pub(crate) mod store;
pub(crate) mod stored;
mod system;
