//! The schema `analytics`: tables that are computed from the chains' tables and kept, and where a lake has
//! them.
//!
//! ```text
//! lake/analytics/holdings-bitcoin-address/               one series: an analysis of one asset on one basis
//!                     /manifest.json                     how far it was computed, and its files: `Manifest`
//!                     /holdings_daily-000839999-1f02.…   one file a table
//!                     /state-000839999-1f02a4c7          what the next run goes on from
//! lake/analytics/.lock                                   held by the one writer
//! ```
//!
//! # Invariants
//!
//! * The manifest is the series: it is replaced as a whole, by a rename, and files never change under
//!   their names, so every reader sees one state.
//! * Rows depend on the chain up to the block that the manifest names, and on nothing else: computed at
//!   once or in many runs, they are the same to the byte.

mod balances;
mod energy;
mod holdings;
mod network;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use serde::{Deserialize, Serialize};

pub use self::balances::BALANCES;
pub use self::energy::{EMISSIONS_DAILY, ENERGY_DAILY};
pub use self::holdings::{HOLDINGS_BRACKETS_DAILY, HOLDINGS_DAILY, HOLDINGS_METRICS_DAILY};
pub use self::network::NETWORK_DAILY;
use crate::{BlockHash, Chain, Column};

/// Name of the schema in SQL, and of the folder in a lake.
pub const SCHEMA: &str = "analytics";
/// Version of the tables' schemas and of the manifest; a series of another is computed anew.
pub const VERSION: u32 = 1;

/// A table that is computed from others.
#[derive(Debug, PartialEq, Eq)]
pub struct DerivedTable {
    /// Name within the schema.
    pub name: &'static str,
    /// One line for people: what one row is.
    pub doc: &'static str,
    /// Columns that identify a row and by which rows are ordered.
    pub key: &'static [&'static str],
    /// The columns, in order.
    pub columns: &'static [Column],
}

/// Every table of the schema.
pub const TABLES: [&DerivedTable; 7] = [
    &BALANCES,
    &HOLDINGS_DAILY,
    &HOLDINGS_BRACKETS_DAILY,
    &HOLDINGS_METRICS_DAILY,
    &NETWORK_DAILY,
    &ENERGY_DAILY,
    &EMISSIONS_DAILY,
];

impl DerivedTable {
    /// The Arrow schema of the table.
    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(Column::field).collect::<Vec<_>>()))
    }
}

/// How far a series was computed, and from what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`VERSION`] of the program that computed it.
    pub version: u32,
    /// Name and version of the method.
    pub method: String,
    /// The chain that it was computed from.
    pub chain: Chain,
    /// First height of that chain.
    pub from: u64,
    /// The last height that it rests on.
    pub height: u64,
    /// Hash of that block.
    pub hash: BlockHash,
    /// Everything else that its rows depend on, by name.
    pub parameters: BTreeMap<String, String>,
    /// Each table's file, by table name.
    pub files: BTreeMap<String, DerivedFile>,
    /// Name of the file that the next run goes on from; `None` if it needs none.
    pub state: Option<String>,
}

/// The file that holds a table's rows of a series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DerivedFile {
    /// Its name.
    pub name: String,
    /// Rows.
    pub rows: u64,
    /// Size of the file, bytes.
    pub bytes: u64,
}

/// Name of the file of a series that holds `content`, a table or the state, as of a block.
pub fn file_name(content: &str, height: u64, hash: BlockHash) -> String {
    let [.., a, b, c, d] = hash.0;
    format!("{content}-{height:09}-{}", crate::hex::encode(&[a, b, c, d]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_their_key_first_and_a_word_for_each_column() {
        for table in TABLES {
            let names: Vec<_> = table.columns.iter().map(|column| column.name).collect();
            assert!(names.starts_with(table.key), "{}", table.name);
            assert!(table.doc.ends_with('.'), "{}", table.name);
            for column in table.columns {
                assert!(column.doc.ends_with('.'), "{}.{}", table.name, column.name);
            }
        }
    }
}
