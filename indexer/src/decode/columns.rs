//! Columns of rows being made, and how they become a table's Arrow arrays.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringBuilder, TimestampMicrosecondArray,
};
use assay_model::Table;

/// The rows of `table` whose columns are `columns`, in the table's order.
pub(super) fn rows_of(table: &Table, columns: Vec<ArrayRef>) -> RecordBatch {
    RecordBatch::try_new(table.schema(), columns)
        .unwrap_or_else(|error| panic!("columns of {}: {error}", table.full_name()))
}

pub(super) fn int32(values: Vec<i32>) -> ArrayRef {
    Arc::new(Int32Array::from(values))
}

pub(super) fn int64(values: Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(values))
}

pub(super) fn float64(values: Vec<f64>) -> ArrayRef {
    Arc::new(Float64Array::from(values))
}

pub(super) fn boolean(values: Vec<bool>) -> ArrayRef {
    Arc::new(BooleanArray::from(values))
}

/// Times, microseconds since 1970.
pub(super) fn time(values: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
}

pub(super) fn bytes(mut values: BinaryBuilder) -> ArrayRef {
    Arc::new(values.finish())
}

pub(super) fn text(mut values: StringBuilder) -> ArrayRef {
    Arc::new(values.finish())
}

/// A position or count within a block as tables hold it: at most 4,000,000, the bytes of a block.
pub(super) fn small(number: usize) -> i32 {
    i32::try_from(number).expect("a block has fewer than 2^31 bytes")
}

/// A size or count of a block as tables hold it.
pub(super) fn large(number: usize) -> i64 {
    i64::try_from(number).expect("memory has fewer than 2^63 bytes")
}
