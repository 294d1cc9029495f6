//! The schema `reference`: what figures rest on that no chain knows, such as prices, machines and power grids.
//!
//! Every table has rows that come with the program, each with its source, and takes others from CSV files
//! whose columns are those of the table. Where a table has [series](ReferenceTable::series), a file takes
//! the place of the series that it has rows of; else that of the whole table.

mod countries;
mod mining;
mod power;
mod prices;

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

pub use self::countries::{ELECTRICITY_USE, GRID_INTENSITY, MINING_SHARES};
pub use self::mining::{GPUS, HASH_RATES, MINING_HARDWARE};
pub use self::power::{ENERGY_PARAMETERS, ETHEREUM_NODES, NODE_POWER};
pub use self::prices::{PRICES, TOKENS};
use crate::{Column, ColumnType};

/// Name of the schema in SQL, and of the folder for what was imported.
pub const SCHEMA: &str = "reference";

/// A table of facts from outside of the chains.
#[derive(Debug, PartialEq, Eq)]
pub struct ReferenceTable {
    /// Name within the schema.
    pub name: &'static str,
    /// One line for people: what one row is.
    pub doc: &'static str,
    /// Columns that identify a row and by which rows are ordered.
    pub key: &'static [&'static str],
    /// The first columns of the key that name what is replaced as a whole; empty if that is the table.
    pub series: &'static [&'static str],
    /// The columns, in order; the last is `source`.
    pub columns: &'static [Column],
}

/// Every table of the schema, in the order of their names.
pub const TABLES: [&ReferenceTable; 11] = [
    &ELECTRICITY_USE,
    &ENERGY_PARAMETERS,
    &ETHEREUM_NODES,
    &GPUS,
    &GRID_INTENSITY,
    &HASH_RATES,
    &MINING_HARDWARE,
    &MINING_SHARES,
    &NODE_POWER,
    &PRICES,
    &TOKENS,
];

impl ReferenceTable {
    /// The Arrow schema of the table.
    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(Column::field).collect::<Vec<_>>()))
    }

    /// The table called `name`.
    pub fn find(name: &str) -> Option<&'static ReferenceTable> {
        TABLES.into_iter().find(|table| table.name == name)
    }

    /// Whether it has a column called `name`.
    pub fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.name == name)
    }

    /// The place of the column called `name`, a name of the program's own.
    ///
    /// # Panics
    ///
    /// If there is no such column.
    pub fn place(&self, name: &str) -> usize {
        let place = self.columns.iter().position(|column| column.name == name);
        place.unwrap_or_else(|| panic!("reference.{} has no column {name}", self.name))
    }
}

/// The column that every table ends with.
const SOURCE: Column = Column::required("source", ColumnType::Text, "Where the row is from.");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_their_key_first_and_their_source_last() {
        for table in TABLES {
            let names: Vec<_> = table.columns.iter().map(|column| column.name).collect();
            assert!(names.starts_with(table.key), "{}", table.name);
            assert!(table.key.starts_with(table.series), "{}", table.name);
            assert_eq!(names.last(), Some(&"source"), "{}", table.name);
        }
        assert!(TABLES.map(|table| table.name).is_sorted());
    }
}
