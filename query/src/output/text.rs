//! Values as text: bytes as hex, times as ISO 8601, decimals with every digit.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, GenericListArray, MapArray, OffsetSizeTrait,
    RecordBatch, RecordBatchOptions, StringArray, StringBuilder, StructArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowTimestampType, DataType, Field, FieldRef, Fields, Schema, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow::error::ArrowError;
use arrow::json::writer::{EncoderOptions, make_encoder};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use assay_model::hex;
use assay_model::table::hex_prefix;

/// `batch` with values that JSON can hold; lists stay lists and structs stay structs.
pub fn plain(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    convert(batch, plain_array)
}

/// `batch` with values that a CSV field or a table cell can hold; lists and structs become JSON.
pub fn flat(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    convert(batch, |field, array| {
        let plain = plain_array(field, array)?;
        if plain.data_type().is_nested() { json_text(&plain) } else { Ok(plain) }
    })
}

fn convert(
    batch: &RecordBatch,
    array: impl Fn(&Field, &ArrayRef) -> Result<ArrayRef, ArrowError>,
) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let columns =
        columns.map(|(field, column)| array(field, column)).collect::<Result<Vec<_>, _>>()?;
    let fields = schema.fields().iter().zip(&columns).map(|(field, column)| retyped(field, column));
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)
}

/// `field` with the type that `array` has.
fn retyped(field: &FieldRef, array: &ArrayRef) -> FieldRef {
    Arc::new(Field::new(field.name(), array.data_type().clone(), field.is_nullable()))
}

/// `array`, whose `field` may say what is written in front of bytes.
fn plain_array(field: &Field, array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    use DataType::*;
    Ok(match array.data_type() {
        Null | Boolean | Utf8 | LargeUtf8 | Utf8View | Float16 | Float32 | Float64 | Date32
        | Date64 => array.clone(),
        kind if kind.is_integer() => array.clone(),
        Binary => hex_text(field, array.as_binary::<i32>().iter()),
        LargeBinary => hex_text(field, array.as_binary::<i64>().iter()),
        FixedSizeBinary(_) => hex_text(field, array.as_fixed_size_binary().iter()),
        BinaryView => hex_text(field, array.as_binary_view().iter()),
        Timestamp(TimeUnit::Second, _) => times::<TimestampSecondType>(array)?,
        Timestamp(TimeUnit::Millisecond, _) => times::<TimestampMillisecondType>(array)?,
        Timestamp(TimeUnit::Microsecond, _) => times::<TimestampMicrosecondType>(array)?,
        Timestamp(TimeUnit::Nanosecond, _) => times::<TimestampNanosecondType>(array)?,
        Dictionary(_, values) => plain_array(field, &cast(array, values)?)?,
        RunEndEncoded(_, values) => plain_array(field, &cast(array, values.data_type())?)?,
        List(field) => list::<i32>(field, array)?,
        LargeList(field) => list::<i64>(field, array)?,
        FixedSizeList(field, length) => {
            let lists = array.as_fixed_size_list();
            let values = plain_array(field, lists.values())?;
            let nulls = lists.nulls().cloned();
            Arc::new(FixedSizeListArray::try_new(retyped(field, &values), *length, values, nulls)?)
        }
        Struct(fields) => Arc::new(plain_struct(fields, array.as_struct())?),
        Map(field, sorted) => {
            let map = array.as_map();
            let Struct(fields) = field.data_type() else { return Ok(array.clone()) };
            let entries = plain_struct(fields, map.entries())?;
            let field = Field::new(field.name(), entries.data_type().clone(), field.is_nullable());
            let nulls = map.nulls().cloned();
            let offsets = map.offsets().clone();
            Arc::new(MapArray::try_new(Arc::new(field), offsets, entries, nulls, *sorted)?)
        }
        _ => formatted(array, &FormatOptions::default())?,
    })
}

fn hex_text<'a>(field: &Field, values: impl Iterator<Item = Option<&'a [u8]>>) -> ArrayRef {
    let prefix = hex_prefix(field);
    let mut texts = StringBuilder::new();
    let mut text = String::new();
    for value in values {
        text.clear();
        texts.append_option(value.map(|bytes| {
            text.push_str(prefix);
            hex::encode_into(bytes, &mut text);
            &text
        }));
    }
    Arc::new(texts.finish())
}

/// Moments that know their zone are written in UTC, with its letter; others without one.
fn times<T: ArrowTimestampType>(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let times = array.as_primitive::<T>();
    let format = match times.timezone() {
        Some(_) => "%Y-%m-%dT%H:%M:%S%.fZ",
        None => "%Y-%m-%dT%H:%M:%S%.f",
    };
    // What is stored is UTC whatever zone the type names.
    let utc: ArrayRef = Arc::new(times.clone().with_timezone_opt(None::<Arc<str>>));
    formatted(&utc, &FormatOptions::default().with_timestamp_format(Some(format)))
}

fn formatted(array: &ArrayRef, options: &FormatOptions<'_>) -> Result<ArrayRef, ArrowError> {
    let formatter = ArrayFormatter::try_new(array, options)?;
    let texts = (0..array.len())
        .map(|row| array.is_valid(row).then(|| formatter.value(row).try_to_string()).transpose());
    Ok(Arc::new(texts.collect::<Result<StringArray, _>>()?))
}

fn list<O: OffsetSizeTrait>(field: &FieldRef, array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let lists = array.as_list::<O>();
    let values = plain_array(field, lists.values())?;
    let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
    let field = retyped(field, &values);
    Ok(Arc::new(GenericListArray::<O>::try_new(field, offsets, values, nulls)?))
}

fn plain_struct(fields: &Fields, array: &StructArray) -> Result<StructArray, ArrowError> {
    let columns = fields.iter().zip(array.columns());
    let columns =
        columns.map(|(field, column)| plain_array(field, column)).collect::<Result<Vec<_>, _>>()?;
    let fields = fields.iter().zip(&columns).map(|(field, column)| retyped(field, column));
    let nulls = array.nulls().cloned();
    StructArray::try_new_with_length(fields.collect(), columns, nulls, array.len())
}

fn json_text(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let field = Arc::new(Field::new("value", array.data_type().clone(), true));
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let mut encoder = make_encoder(&field, array, &options)?;
    let mut texts = StringBuilder::new();
    let mut text = Vec::new();
    for row in 0..array.len() {
        if array.is_null(row) {
            texts.append_null();
            continue;
        }
        text.clear();
        encoder.encode(row, &mut text);
        texts.append_value(String::from_utf8_lossy(&text));
    }
    Ok(Arc::new(texts.finish()))
}
