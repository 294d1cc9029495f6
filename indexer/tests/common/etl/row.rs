//! Our rows of one block, as text that compares with what ethereum-etl writes.

use std::collections::BTreeMap;

use alloy_primitives::U256;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use arrow::util::display::array_value_to_string;
use assay_model::{Batch, hex};

/// The rows of one block.
pub struct Ours {
    tables: BTreeMap<&'static str, RecordBatch>,
    /// If the block is made up: hashes by those that it has instead.
    pub renamed: BTreeMap<String, String>,
    /// If the block is made up: those of ethereum-etl's columns that it does not know.
    pub unknown: &'static [&'static str],
}

/// A row of ours.
#[derive(Clone)]
pub struct Row<'a> {
    pub ours: &'a Ours,
    pub table: &'static str,
    pub at: usize,
}

impl Ours {
    /// The rows of a real block.
    pub fn new(batch: &Batch) -> Ours {
        let tables = batch.tables().map(|(table, rows)| (table.name, rows.clone())).collect();
        Ours { tables, renamed: BTreeMap::new(), unknown: &[] }
    }

    /// The rows of a made-up block for a real one with the hash `hash`, whose transactions have the
    /// hashes `transactions`; it does not know the columns `unknown`.
    pub fn made_up(
        batch: &Batch,
        hash: &str,
        transactions: &[String],
        unknown: &'static [&'static str],
    ) -> Ours {
        let mut ours = Ours { unknown, ..Ours::new(batch) };
        let rows = ours.rows("transactions");
        assert_eq!(rows.len(), transactions.len());
        let made_up = rows.iter().map(|row| row.text("hash"));
        let mut renamed: BTreeMap<_, _> = made_up.zip(transactions.iter().cloned()).collect();
        renamed.insert(ours.rows("blocks")[0].text("hash"), hash.to_owned());
        ours.renamed = renamed;
        ours
    }

    pub fn rows(&self, table: &'static str) -> Vec<Row<'_>> {
        (0..self.tables[table].num_rows()).map(|at| Row { ours: self, table, at }).collect()
    }

    pub fn height(&self) -> u64 {
        self.rows("blocks")[0].text("height").parse().expect("a number")
    }
}

impl Row<'_> {
    fn column(&self, name: &str) -> &dyn Array {
        let rows = &self.ours.tables[self.table];
        &**rows.column_by_name(name).unwrap_or_else(|| panic!("{}.{name}", self.table))
    }

    /// The value in the column `name`; nothing if there is none.
    pub fn text(&self, name: &str) -> String {
        let text = text(self.column(name), self.at);
        self.ours.renamed.get(&text).cloned().unwrap_or(text)
    }

    /// The number in the 32 bytes of the column `name`.
    pub fn word(&self, name: &str) -> String {
        U256::from_be_slice(self.column(name).as_binary::<i32>().value(self.at)).to_string()
    }

    /// The time in the column `name` in words, to the second.
    pub fn shown(&self, name: &str) -> String {
        let with_offset = DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
        let times = cast(self.column(name), &with_offset).expect("a column of times");
        array_value_to_string(&times, self.at).expect("a value")
    }

    /// The row of the block.
    pub fn block(&self) -> Row<'_> {
        Row { ours: self.ours, table: "blocks", at: 0 }
    }

    /// The value in the column `name` of the block's row.
    pub fn of_block(&self, name: &str) -> String {
        self.block().text(name)
    }
}

/// A value as ethereum-etl would write it: times in seconds, truth as a digit, lists with commas.
fn text(array: &dyn Array, at: usize) -> String {
    if array.is_null(at) {
        return String::new();
    }
    match array.data_type() {
        DataType::Binary => format!("0x{}", hex::encode(array.as_binary::<i32>().value(at))),
        DataType::Boolean => u8::from(array.as_boolean().value(at)).to_string(),
        DataType::Timestamp(..) => {
            (array.as_primitive::<TimestampMicrosecondType>().value(at) / 1_000_000).to_string()
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(at);
            (0..items.len()).map(|at| text(&*items, at)).collect::<Vec<_>>().join(",")
        }
        _ => array_value_to_string(array, at).expect("a value"),
    }
}
