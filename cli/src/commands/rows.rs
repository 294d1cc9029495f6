//! Reads columns of query results as plain values.

use arrow::array::{
    Array, AsArray, BinaryArray, BooleanArray, Int64Array, RecordBatch, StringArray,
};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use assay_query::{QueryError, Session};
use futures::StreamExt;

/// Runs `sql` and hands over each batch of its result.
pub async fn for_each(
    session: &Session,
    sql: &str,
    mut each: impl FnMut(&RecordBatch) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut stream = session.query(sql).await?;
    while let Some(batch) = stream.next().await {
        each(&batch.map_err(QueryError::from)?)?;
    }
    Ok(())
}

/// Column `place` as whole numbers; 0 where there is none.
pub fn ints(batch: &RecordBatch, place: usize) -> anyhow::Result<Int64Array> {
    Ok(cast(batch.column(place), &DataType::Int64)?.as_primitive().clone())
}

/// Column `place` as bytes.
pub fn bytes(batch: &RecordBatch, place: usize) -> anyhow::Result<BinaryArray> {
    Ok(cast(batch.column(place), &DataType::Binary)?.as_binary().clone())
}

/// Column `place` as text.
pub fn texts(batch: &RecordBatch, place: usize) -> anyhow::Result<StringArray> {
    Ok(cast(batch.column(place), &DataType::Utf8)?.as_string().clone())
}

/// Column `place` as truth values.
pub fn bools(batch: &RecordBatch, place: usize) -> anyhow::Result<BooleanArray> {
    Ok(cast(batch.column(place), &DataType::Boolean)?.as_boolean().clone())
}

/// The text in `row`, if there is one.
pub fn text_at(texts: &StringArray, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.value(row))
}
