//! What assay writes to ClickHouse and reads from it: where it is, how it is asked, which tables it
//! has, and what its log says.
//!
//! | file | what it holds |
//! |---|---|
//! | `address.rs` | where servers are: `clickhouse://user@host:8123/assay` |
//! | `connection.rs` | statements, streams of rows, inserts; the next server if one is gone |
//! | `cluster.rs` | what every node of a cluster has to do, and who they are |
//! | `error.rs` | what may go wrong, and what of it passes |
//! | `tables.rs` | names of tables and columns there |
//! | `rows.rs` | rows in the form of the model and in that of ClickHouse |
//! | `statements.rs` | what a file of statements means on a server and on a cluster |
//! | `migrations.rs` | the files `sql/clickhouse/NNNN_*.sql`, applied and recorded |
//! | `log.rs` | the log of commits, whose last row says what readers may see |
//!
//! The indexer writes by this crate and the query layer reads by it, so that neither has to know the
//! other: it is to ClickHouse what [`assay_model::lake`] is to the lake.
//!
//! # Invariants
//!
//! * Nothing of a password is shown, logged or put into an address.
//! * Every request ends: connecting, sending and waiting have limits.
//! * An error of the server keeps its code, and says what was being done.

mod address;
mod cluster;
mod connection;
mod error;
mod log;
mod migrations;
mod rows;
mod statements;
mod tables;

pub use address::{Address, AddressError};
pub use cluster::{Cluster, Schema};
pub use connection::{Batches, Connection, Insert, Limits};
pub use error::Error;
pub use log::{Entry, Kind, Log};
pub use migrations::{Access, LATEST, Migrated, is_unused, migrate, schema};
pub use rows::{conform, stored};
pub use tables::{is_given, local_name, quote, table_name};
