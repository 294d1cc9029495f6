//! Columns of rows being made, and how they become a table's Arrow arrays.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BinaryBuilder, BooleanArray, Decimal128Array, Float64Array, Int32Array,
    Int64Array, RecordBatch, StringBuilder, TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use assay_model::Table;

/// The rows of `table` whose columns are `columns`, in the table's order.
pub(super) fn rows_of(table: &Table, columns: Vec<ArrayRef>) -> RecordBatch {
    RecordBatch::try_new(table.schema(), columns)
        .unwrap_or_else(|error| panic!("columns of {}: {error}", table.full_name()))
}

/// Values of `V`: `i32`, or `Option<i32>` where some are absent.
pub(super) fn int32<V>(values: Vec<V>) -> ArrayRef
where
    Int32Array: From<Vec<V>>,
{
    Arc::new(Int32Array::from(values))
}

/// Values of `V`: `i64`, or `Option<i64>` where some are absent.
pub(super) fn int64<V>(values: Vec<V>) -> ArrayRef
where
    Int64Array: From<Vec<V>>,
{
    Arc::new(Int64Array::from(values))
}

/// Amounts of at most 38 digits: `i128`, or `Option<i128>` where some are absent.
pub(super) fn decimal38<V>(values: Vec<V>) -> ArrayRef
where
    Decimal128Array: From<Vec<V>>,
{
    let array = Decimal128Array::from(values).with_precision_and_scale(38, 0);
    Arc::new(array.expect("decimals of 128 bits have up to 38 digits"))
}

pub(super) fn float64(values: Vec<f64>) -> ArrayRef {
    Arc::new(Float64Array::from(values))
}

/// Values of `V`: `bool`, or `Option<bool>` where some are absent.
pub(super) fn boolean<V>(values: Vec<V>) -> ArrayRef
where
    BooleanArray: From<Vec<V>>,
{
    Arc::new(BooleanArray::from(values))
}

/// Times, microseconds since 1970.
pub(super) fn time(values: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
}

/// Hashes, one after the other: without a length to look at for each, as a builder of bytes would.
pub(super) fn hashes(values: Vec<[u8; 32]>) -> ArrayRef {
    let lengths = std::iter::repeat_n(32, values.len());
    let offsets = OffsetBuffer::from_lengths(lengths);
    Arc::new(BinaryArray::new(offsets, values.into_flattened().into(), None))
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

/// Unix seconds as tables hold times.
pub(super) fn micros(seconds: u32) -> i64 {
    i64::from(seconds) * 1_000_000
}
