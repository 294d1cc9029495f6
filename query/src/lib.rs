//! Answers SQL about a lake or a database on ClickHouse: catalog, functions and the read-only session.
//!
//! # Invariants
//!
//! * A session only reads: a statement that would write, set an option or open another file is
//!   refused before anything runs.
//! * A statement sees one snapshot of the store, whatever the indexer commits while it runs.
//! * What operators hold in memory is bounded by the session's limit; beyond it, operators that
//!   can spill do, and the others fail with an error.

pub mod analyses;
mod answers;
mod asset;
mod catalog;
mod clickhouse;
mod distribution;
mod error;
mod extension;
mod functions;
mod lake;
mod memory;
pub mod output;
pub mod reference;
mod rules;
mod session;
mod statement;
mod store;
mod terms;
mod views;

pub use asset::Asset;
pub use catalog::described::{Described, Kind, described_schemas, described_tables};
pub use error::QueryError;
pub use extension::Extension;
pub use functions::{DescribedFunction, FunctionKind, described_functions};
pub use session::{DEFAULT_MEMORY_LIMIT_BYTES, Description, Session, SessionOptions};
pub use statement::{MAX_SQL_BYTES, Statement};
pub use store::Store;
pub use terms::{Access, Terms};

pub use datafusion::execution::SendableRecordBatchStream;
