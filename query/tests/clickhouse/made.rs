//! A lake of both chains with rows from a seed: every type, absent values, few different ones.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Decimal256Array, Float64Array,
    Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, i256};
use assay_model::lake::SCHEMA_VERSION;
use assay_model::{Chain, Column, ColumnType, Table};

use crate::support::lake;

/// The blocks of each chain.
pub const HEIGHTS: u64 = 24;
/// Rows of the other tables in each block.
const ROWS_PER_BLOCK: usize = 5;
/// Columns of bytes that may have any length.
const ANY_LENGTH: [&str; 7] =
    ["script", "script_sig", "coinbase_script", "extra_data", "input", "data", "output"];
const TEXTS: [&str; 6] = ["p2pkh", "p2tr", "", "a_b%c", "München", "erc20"];
const DECIMALS: [i128; 6] =
    [0, 1, -1, 7, 1_000_000_000_000_000_000, 3_000_000_000_000_000_000_000_000_000_000];

/// A small generator of numbers (xorshift).
pub struct Seed(pub u64);

impl Seed {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    /// One of `all`.
    pub fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

/// Writes the lake in two segments.
pub fn write(dir: &Path) {
    for chain in Chain::ALL {
        lake::write_info_of(dir, chain, SCHEMA_VERSION);
        for heights in [0..HEIGHTS / 3, HEIGHTS / 3..HEIGHTS] {
            lake::write_segment_of(dir, chain, heights, rows);
        }
    }
}

fn rows(table: &Table, heights: Range<u64>) -> RecordBatch {
    let each = if table.name == "blocks" { 1 } else { ROWS_PER_BLOCK };
    let heights: Vec<u64> = heights.flat_map(|height| std::iter::repeat_n(height, each)).collect();
    let mut seed = Seed(0x9e37_79b9_7f4a_7c15 ^ (table.name.len() as u64) << 32 ^ heights[0]);
    let arrays = table.columns.iter().map(|column| -> ArrayRef {
        let places = || (0..heights.len()).map(|place| (place % each) as i64);
        match column.name {
            "height" => Arc::new(Int64Array::from_iter_values(heights.iter().map(|h| *h as i64))),
            "time" => {
                let times = heights.iter().map(|height| lake::time_micros(*height));
                Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
            }
            "hash" if table.name == "blocks" => {
                let hashes = heights.iter().map(|height| lake::block_hash(*height));
                Arc::new(BinaryArray::from_iter_values(hashes))
            }
            // Keys stay unique and in order.
            name if table.key.contains(&name) && column.kind == ColumnType::Int32 => {
                Arc::new(Int32Array::from_iter_values(places().map(|place| place as i32)))
            }
            name if table.key.contains(&name) => Arc::new(Int64Array::from_iter_values(places())),
            _ => array(column, heights.len(), &mut seed),
        }
    });
    let arrays = arrays.collect();
    RecordBatch::try_new(table.schema(), arrays).expect("the model's schema")
}

fn bytes(name: &str, seed: &mut Seed) -> Vec<u8> {
    let byte = seed.of(&[0, 0x61, 0xb1, 0xff]);
    let length = match name {
        name if ANY_LENGTH.contains(&name) => seed.below(4),
        "logs_bloom" => 256,
        "nonce" => 8,
        "miner" | "token" | "operator" | "address" | "authority" => 20,
        name if name.ends_with("_address") => 20,
        _ => 32,
    };
    vec![byte; length]
}

fn array(column: &Column, count: usize, seed: &mut Seed) -> ArrayRef {
    let given: Vec<bool> = (0..count).map(|_| !column.nullable || seed.below(4) > 0).collect();
    match column.kind {
        ColumnType::Boolean => Arc::new(BooleanArray::from(values(&given, || seed.below(2) == 1))),
        ColumnType::Int32 => {
            Arc::new(Int32Array::from(values(&given, || seed.of(&[0, 1, 2, -1, i32::MAX]))))
        }
        ColumnType::Int64 => {
            let numbers = [0, 1, 5, -7, 50, 5_000_000_000];
            Arc::new(Int64Array::from(values(&given, || seed.of(&numbers))))
        }
        ColumnType::Float64 => {
            Arc::new(Float64Array::from(values(&given, || seed.of(&[0.5, 1.0, 1e9, 3.25]))))
        }
        ColumnType::Text => Arc::new(StringArray::from(values(&given, || seed.of(&TEXTS)))),
        ColumnType::Bytes | ColumnType::Hex => {
            Arc::new(BinaryArray::from_iter(values(&given, || bytes(column.name, seed))))
        }
        ColumnType::Decimal38 | ColumnType::Money => {
            let values = Decimal128Array::from(values(&given, || seed.of(&DECIMALS)));
            Arc::new(values.with_data_type(column.kind.data_type()))
        }
        ColumnType::Decimal76 => {
            let wide = || i256::from_i128(seed.of(&DECIMALS)) * i256::from(1_000_000);
            let values = Decimal256Array::from(values(&given, wide));
            Arc::new(values.with_data_type(column.kind.data_type()))
        }
        ColumnType::Time => {
            let micros = || (1_230_000_000 + 86_400 * seed.below(400) as i64) * 1_000_000;
            let times = TimestampMicrosecondArray::from(values(&given, micros));
            Arc::new(times.with_timezone("UTC"))
        }
        ColumnType::BytesList
        | ColumnType::HexList
        | ColumnType::Int32List
        | ColumnType::Structs(_) => list(column, &given, seed),
    }
}

/// A value where one is given.
fn values<T>(given: &[bool], mut value: impl FnMut() -> T) -> Vec<Option<T>> {
    given.iter().map(|given| given.then(&mut value)).collect()
}

fn list(column: &Column, given: &[bool], seed: &mut Seed) -> ArrayRef {
    let DataType::List(item) = column.kind.data_type() else { unreachable!("a list") };
    let lengths: Vec<_> = given.iter().map(|given| usize::from(*given) * seed.below(3)).collect();
    let count = lengths.iter().sum();
    let items: ArrayRef = match column.kind {
        ColumnType::Structs(columns) => {
            let fields = columns.iter().map(Column::field).collect();
            let arrays = columns.iter().map(|column| array(column, count, seed)).collect();
            Arc::new(StructArray::new(fields, arrays, None))
        }
        ColumnType::Int32List => array(&Column::required("", ColumnType::Int32, ""), count, seed),
        // A witness has items of any length, the other lists have hashes.
        _ if column.name == "witness" => {
            array(&Column::required("data", ColumnType::Bytes, ""), count, seed)
        }
        _ => array(&Column::required("hash", ColumnType::Bytes, ""), count, seed),
    };
    let nulls = column.nullable.then(|| NullBuffer::from(given.to_vec()));
    Arc::new(ListArray::new(item, OffsetBuffer::from_lengths(lengths), items, nulls))
}
