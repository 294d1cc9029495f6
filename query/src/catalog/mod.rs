//! What SQL can name: the stored tables, the views over them, and the tables that describe both.
//!
//! | file | what it holds |
//! |---|---|
//! | `snapshot.rs` | what a store holds at one moment |
//! | `names.rs` | catalog and schemas: from a name to a table |
//! | `as_of.rs` | a query as of an earlier height |
//! | `described.rs` | every table and column in words |
//! | `information_schema.rs`, `system.rs` | the descriptions and the store's state as tables |

pub(crate) mod as_of;
pub(crate) mod described;
mod information_schema;
pub(crate) mod names;
pub(crate) mod snapshot;
mod system;
