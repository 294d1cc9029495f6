//! Rows in the form of the model and in that of ClickHouse.
//!
//! # Invariants
//!
//! * What [`stored`] makes of rows, ClickHouse stores without a loss, and [`conform`] makes the same
//!   rows of it again.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, ListArray, RecordBatch, StructArray,
    TimestampMicrosecondArray, UInt32Array, make_array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Field, FieldRef, Int64Type, Schema, SchemaRef, TimestampMicrosecondType, UInt32Type,
};
use arrow::error::ArrowError;
use assay_model::{Column, ColumnType, Table};

use crate::tables::is_given;

const MICROS: i64 = 1_000_000;

/// The rows of `table` as they are sent: moments as ClickHouse's `DateTime`, and for every list that
/// may be absent a column that says whether it is there.
///
/// # Errors
///
/// If a moment is not within what a `DateTime` holds, 1970 to 2106; the error names its height.
pub fn stored(table: &Table, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let mut fields: Vec<FieldRef> = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (column, array) in table.columns.iter().zip(rows.columns()) {
        let array = match column.kind {
            ColumnType::Time => Arc::new(seconds(table, column, rows, array)?) as ArrayRef,
            _ => Arc::clone(array),
        };
        let Some(name) = is_given(column) else {
            let field = Field::new(column.name, array.data_type().clone(), column.nullable);
            fields.push(Arc::new(field));
            arrays.push(array);
            continue;
        };
        let given: BooleanArray = (0..array.len()).map(|row| Some(array.is_valid(row))).collect();
        let all = array.to_data().into_builder().nulls(None).null_count(0).build()?;
        fields.push(Arc::new(Field::new(column.name, array.data_type().clone(), false)));
        arrays.push(make_array(all));
        fields.push(Arc::new(Field::new(name, DataType::Boolean, false)));
        arrays.push(Arc::new(given));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

/// Moments as whole seconds since 1970.
fn seconds(
    table: &Table,
    column: &Column,
    rows: &RecordBatch,
    array: &ArrayRef,
) -> Result<UInt32Array, ArrowError> {
    let moments = array.as_primitive::<TimestampMicrosecondType>();
    let place = |row: usize| {
        let heights = rows.column_by_name("height").and_then(|c| c.as_primitive_opt::<Int64Type>());
        heights.map_or(-1, |heights| heights.value(row))
    };
    let second = |row: usize| match moments.is_valid(row).then(|| moments.value(row)) {
        None => Ok(None),
        Some(micros) if micros % MICROS == 0 => {
            u32::try_from(micros / MICROS).map(Some).map_err(|_| micros)
        }
        Some(micros) => Err(micros),
    };
    (0..moments.len())
        .map(|row| {
            second(row).map_err(|micros| {
                ArrowError::InvalidArgumentError(format!(
                    "{}.{} at height {}: {micros} microseconds after 1970 are no whole second \
                     before 2106",
                    table.full_name(),
                    column.name,
                    place(row)
                ))
            })
        })
        .collect()
}

/// What ClickHouse answered, with the types of `schema`: its columns by their names. A list is
/// absent where the column `has_…`, if it was selected, says so.
///
/// # Errors
///
/// If a column is not there, or does not have its type.
pub fn conform(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = schema.fields().iter().map(|field| {
        let array = rows.column_by_name(field.name()).ok_or_else(|| {
            ArrowError::SchemaError(format!("there is no column '{}'", field.name()))
        })?;
        let array =
            converted(array, field.data_type()).map_err(|error| error_in(field.name(), &error))?;
        match rows.column_by_name(&format!("has_{}", field.name())) {
            Some(given) if field.is_nullable() => only_where(&array, given),
            _ => Ok(array),
        }
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

fn error_in(name: &str, error: &ArrowError) -> ArrowError {
    ArrowError::SchemaError(format!("column '{name}': {error}"))
}

/// `array`, with nothing where `given` is false.
fn only_where(array: &ArrayRef, given: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let given = converted(given, &DataType::Boolean)?;
    let nulls = NullBuffer::new(given.as_boolean().values().clone());
    let data = array.to_data().into_builder().nulls(Some(nulls)).build()?;
    Ok(make_array(data))
}

/// `array` with the type `to`.
fn converted(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    match (array.data_type(), to) {
        (from, to) if from == to => Ok(Arc::clone(array)),
        // A DateTime comes as its seconds.
        (DataType::UInt32, DataType::Timestamp(_, zone)) => {
            let seconds = array.as_primitive::<UInt32Type>();
            let micros = seconds.unary::<_, TimestampMicrosecondType>(|s| i64::from(s) * MICROS);
            let micros: TimestampMicrosecondArray = micros.with_timezone_opt(zone.clone());
            Ok(Arc::new(micros))
        }
        (DataType::List(_), DataType::List(item)) => {
            let list = array.as_list::<i32>();
            let values = converted(list.values(), item.data_type())?;
            let list = ListArray::try_new(
                Arc::clone(item),
                list.offsets().clone(),
                values,
                list.nulls().cloned(),
            )?;
            Ok(Arc::new(list))
        }
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let from = array.as_struct();
            let columns = fields.iter().map(|field| {
                let column = from.column_by_name(field.name()).ok_or_else(|| {
                    ArrowError::SchemaError(format!("there is no field '{}'", field.name()))
                })?;
                converted(column, field.data_type())
            });
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            let all = StructArray::try_new(fields.clone(), columns, from.nulls().cloned())?;
            Ok(Arc::new(all))
        }
        _ => {
            // What does not fit is an error, not null.
            let options = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(array, to, &options)
        }
    }
}
