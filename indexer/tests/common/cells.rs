//! Rows as JSON, in the way in which nodes write: numbers and bytes in hex. So what the rows say can
//! be held against what a node says.
#![allow(dead_code, reason = "each test file uses its part")]

use alloy_primitives::{U256, hex};
use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Decimal128Type, Decimal256Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use assay_model::Batch;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::ethereum_source::table;

/// The rows of the table called `name`: of each an object of its columns.
pub fn rows(batch: &Batch, name: &str) -> Vec<Value> {
    let rows = table(batch, name);
    let (schema, columns) = (rows.schema(), rows.columns());
    let row = |row| {
        let fields = schema.fields().iter().zip(columns);
        fields.map(|(field, column)| (field.name().clone(), cell(column, row))).collect()
    };
    (0..rows.num_rows()).map(row).collect()
}

/// What the row says in `column`.
pub fn read<T: DeserializeOwned>(row: &Value, column: &str) -> T {
    let cell = row.get(column).unwrap_or_else(|| panic!("column {column}"));
    serde_json::from_value(cell.clone()).unwrap_or_else(|error| panic!("{column}: {error}"))
}

/// The amount of wei in `column`.
pub fn wei(row: &Value, column: &str) -> i128 {
    let amount: U256 = read(row, column);
    amount.try_into().expect("less than all ether")
}

/// `number` as nodes write it.
pub fn quantity(number: impl TryInto<U256>) -> Value {
    let number: U256 = number.try_into().ok().expect("no number is below zero");
    json!(number)
}

fn cell(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Binary => json!(hex::encode_prefixed(column.as_binary::<i32>().value(row))),
        DataType::Utf8 => json!(column.as_string::<i32>().value(row)),
        DataType::Boolean => json!(column.as_boolean().value(row)),
        DataType::Int32 => quantity(column.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => quantity(column.as_primitive::<Int64Type>().value(row)),
        DataType::Decimal128(..) => quantity(column.as_primitive::<Decimal128Type>().value(row)),
        DataType::Decimal256(..) => {
            let number = column.as_primitive::<Decimal256Type>().value(row);
            quantity(U256::from_be_bytes(number.to_be_bytes()))
        }
        DataType::Timestamp(..) => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
            assert_eq!(micros % 1_000_000, 0, "header times are whole seconds");
            quantity(micros / 1_000_000)
        }
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            (0..items.len()).map(|item| cell(&items, item)).collect()
        }
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(column.as_struct().columns());
            columns.map(|(field, column)| (field.name().clone(), cell(column, row))).collect()
        }
        other => panic!("no table has a column of {other}"),
    }
}

/// Compares rows with what is expected of each: an object with those columns that are known.
pub fn compare(what: &str, rows: &[Value], expected: &[Value]) {
    for (row, expected) in rows.iter().zip(expected) {
        for (column, value) in expected.as_object().expect("an object") {
            let found = row.get(column).unwrap_or_else(|| panic!("column {column}"));
            assert_eq!(found, value, "{what}: {column}\n of {row}\n for {expected}");
        }
    }
    assert_eq!(rows.len(), expected.len(), "{what}");
}
