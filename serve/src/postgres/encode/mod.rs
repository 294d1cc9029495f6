//! Values as PostgreSQL's clients read them, as text and as bytes.
//!
//! Arrow has many forms of one thing; [`Values`] brings each to one of few first, once for a whole batch,
//! and rows are written from those.

mod numeric;
mod text;
mod time;

mod types;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array,
    Decimal256Array, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    IntervalMonthDayNanoArray, ListArray, RecordBatch, StringArray, StructArray,
    Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Field, Float32Type, Float64Type,
    Int16Type, Int32Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit, Schema,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::{BufMut, BytesMut};
use pgwire::messages::data::{FieldDescription, RowDescription};

pub(super) use self::types::{Wire, parameter_type};

/// What reads the binary forms that values are written in.
pub(super) mod from_wire {
    pub(in crate::postgres) use super::numeric::from_binary as numeric;
    pub(in crate::postgres) use super::time::{days_from, micros_from};
}
use crate::ServeError;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// As people read it.
    Text,
    /// As machines do.
    Binary,
}

impl Format {
    /// What the protocol calls it.
    pub(super) fn code(self) -> i16 {
        match self {
            Format::Text => 0,
            Format::Binary => 1,
        }
    }

    /// The format of column `index`, where a client has asked for `codes`: one for each column, one for
    /// all, or none, which is text.
    pub(super) fn of(codes: &[i16], index: usize) -> Format {
        let code = if codes.len() == 1 { codes.first() } else { codes.get(index) };
        if code == Some(&1) { Format::Binary } else { Format::Text }
    }
}

/// What a client is told of columns before their rows.
pub(super) fn describe(schema: &Schema, codes: &[i16]) -> RowDescription {
    let column = |(index, field): (usize, &Arc<Field>)| {
        let wire = Wire::of(field);
        let format = Format::of(codes, index).code();
        FieldDescription::new(field.name().clone(), 0, 0, wire.oid(), wire.bytes(), -1, format)
    };
    RowDescription::new(schema.fields().iter().enumerate().map(column).collect())
}

/// The columns of a batch, ready to be written row by row.
#[derive(Debug)]
pub(super) struct Columns {
    columns: Vec<(Values, Format)>,
    /// How many rows there are.
    pub(super) rows: usize,
}

impl Columns {
    /// Of `batch`, in the formats that `codes` say.
    pub(super) fn new(batch: &RecordBatch, codes: &[i16]) -> Result<Columns, ServeError> {
        let schema = batch.schema_ref();
        let column = |(index, array): (usize, &ArrayRef)| {
            let values = Values::of(array, schema.field(index))?;
            Ok((values, Format::of(codes, index)))
        };
        let columns = batch.columns().iter().enumerate().map(column);
        let columns = columns.collect::<Result<_, ServeError>>()?;
        Ok(Columns { columns, rows: batch.num_rows() })
    }

    /// Adds a row as a message of the protocol.
    pub(super) fn put_row(&self, row: usize, out: &mut BytesMut) {
        out.put_u8(b'D');
        with_length(out, true, |out| {
            out.put_i16(i16::try_from(self.columns.len()).unwrap_or(i16::MAX));
            for (values, format) in &self.columns {
                values.put(row, *format, out);
            }
        });
    }

    /// The values of the columns.
    pub(super) fn values(&self) -> impl Iterator<Item = &Values> {
        self.columns.iter().map(|(values, _)| values)
    }
}

/// One column in one of few forms.
#[derive(Debug)]
pub(super) enum Values {
    Null,
    Bool(BooleanArray),
    Int2(Int16Array),
    Int4(Int32Array),
    Int8(Int64Array),
    Float4(Float32Array),
    Float8(Float64Array),
    Numeric(Decimal128Array),
    LargeNumeric(Decimal256Array),
    Text(StringArray),
    Bytes(BinaryArray),
    Date(Date32Array),
    Time(Time64MicrosecondArray),
    /// With whether it has a time zone, which is then UTC.
    Timestamp(TimestampMicrosecondArray, bool),
    Interval(IntervalMonthDayNanoArray),
    List {
        lists: ListArray,
        items: Box<Values>,
        item: Wire,
    },
    Record {
        records: StructArray,
        fields: Vec<(Values, Wire)>,
    },
}

impl Values {
    /// Of the values of `field` in `array`.
    fn of(array: &ArrayRef, field: &Field) -> Result<Values, ServeError> {
        let cast = |to: &DataType| cast(array, to).map_err(failed);
        let micros = TimeUnit::Microsecond;
        Ok(match array.data_type() {
            DataType::Null => Values::Null,
            DataType::Boolean => Values::Bool(array.as_boolean().clone()),
            DataType::Int16 => Values::Int2(array.as_primitive::<Int16Type>().clone()),
            DataType::Int32 => Values::Int4(array.as_primitive::<Int32Type>().clone()),
            DataType::Int64 => Values::Int8(array.as_primitive::<Int64Type>().clone()),
            DataType::Float32 => Values::Float4(array.as_primitive::<Float32Type>().clone()),
            DataType::Float64 => Values::Float8(array.as_primitive::<Float64Type>().clone()),
            DataType::Decimal128(..) => {
                Values::Numeric(array.as_primitive::<Decimal128Type>().clone())
            }
            DataType::Decimal256(..) => {
                Values::LargeNumeric(array.as_primitive::<Decimal256Type>().clone())
            }
            DataType::Utf8 => Values::Text(array.as_string::<i32>().clone()),
            DataType::Binary => Values::Bytes(array.as_binary::<i32>().clone()),
            DataType::Date32 => Values::Date(array.as_primitive::<Date32Type>().clone()),
            DataType::Time64(TimeUnit::Microsecond) => {
                Values::Time(array.as_primitive::<Time64MicrosecondType>().clone())
            }
            DataType::Timestamp(TimeUnit::Microsecond, zone) => Values::Timestamp(
                array.as_primitive::<TimestampMicrosecondType>().clone(),
                zone.is_some(),
            ),
            DataType::Interval(IntervalUnit::MonthDayNano) => {
                Values::Interval(array.as_primitive::<IntervalMonthDayNanoType>().clone())
            }
            DataType::List(item) if types::is_listable(item) => {
                let lists = array.as_list::<i32>().clone();
                let items = Box::new(Values::of(lists.values(), item)?);
                Values::List { lists, items, item: Wire::of(item) }
            }
            DataType::Struct(fields) => {
                let records = array.as_struct().clone();
                let values = |(column, field): (&ArrayRef, &Arc<Field>)| {
                    Ok((Values::of(column, field)?, Wire::of(field)))
                };
                let fields = records.columns().iter().zip(fields).map(values);
                let fields = fields.collect::<Result<_, ServeError>>()?;
                Values::Record { records, fields }
            }
            // What remains is brought to one of the above.
            other => {
                let to = match other {
                    DataType::Int8 | DataType::UInt8 => DataType::Int16,
                    DataType::UInt16 => DataType::Int32,
                    DataType::UInt32 => DataType::Int64,
                    DataType::UInt64 => DataType::Decimal128(20, 0),
                    DataType::Decimal32(precision, scale)
                    | DataType::Decimal64(precision, scale) => {
                        DataType::Decimal128(*precision, *scale)
                    }
                    DataType::Float16 => DataType::Float32,
                    DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
                    DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                        DataType::Binary
                    }
                    DataType::Date64 => DataType::Date32,
                    DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(micros),
                    DataType::Timestamp(_, zone) => DataType::Timestamp(micros, zone.clone()),
                    DataType::Interval(_) | DataType::Duration(_) => {
                        DataType::Interval(IntervalUnit::MonthDayNano)
                    }
                    DataType::Dictionary(_, value) => (**value).clone(),
                    DataType::LargeList(item)
                    | DataType::FixedSizeList(item, _)
                    | DataType::ListView(item)
                    | DataType::LargeListView(item)
                        if types::is_listable(item) =>
                    {
                        DataType::List(Arc::clone(item))
                    }
                    _ => return Ok(Values::Text(printed(array)?)),
                };
                return Values::of(&cast(&to)?, &field.clone().with_data_type(to));
            }
        })
    }

    /// Whether there is no value.
    pub(super) fn is_null(&self, row: usize) -> bool {
        match self {
            Values::Null => true,
            Values::Bool(array) => array.is_null(row),
            Values::Int2(array) => array.is_null(row),
            Values::Int4(array) => array.is_null(row),
            Values::Int8(array) => array.is_null(row),
            Values::Float4(array) => array.is_null(row),
            Values::Float8(array) => array.is_null(row),
            Values::Numeric(array) => array.is_null(row),
            Values::LargeNumeric(array) => array.is_null(row),
            Values::Text(array) => array.is_null(row),
            Values::Bytes(array) => array.is_null(row),
            Values::Date(array) => array.is_null(row),
            Values::Time(array) => array.is_null(row),
            Values::Timestamp(array, _) => array.is_null(row),
            Values::Interval(array) => array.is_null(row),
            Values::List { lists, .. } => lists.is_null(row),
            Values::Record { records, .. } => records.is_null(row),
        }
    }

    /// Adds a value with its length in front; of no value the length is -1.
    pub(super) fn put(&self, row: usize, format: Format, out: &mut BytesMut) {
        if self.is_null(row) {
            out.put_i32(-1);
            return;
        }
        with_length(out, false, |out| match format {
            Format::Text => self.put_text(row, out),
            Format::Binary => self.put_binary(row, out),
        });
    }

    fn put_binary(&self, row: usize, out: &mut BytesMut) {
        match self {
            Values::Null => {}
            Values::Bool(array) => out.put_u8(u8::from(array.value(row))),
            Values::Int2(array) => out.put_i16(array.value(row)),
            Values::Int4(array) => out.put_i32(array.value(row)),
            Values::Int8(array) => out.put_i64(array.value(row)),
            Values::Float4(array) => out.put_f32(array.value(row)),
            Values::Float8(array) => out.put_f64(array.value(row)),
            Values::Numeric(array) => numeric::put_binary(&array.value_as_string(row), out),
            Values::LargeNumeric(array) => numeric::put_binary(&array.value_as_string(row), out),
            Values::Text(array) => out.put_slice(array.value(row).as_bytes()),
            Values::Bytes(array) => out.put_slice(array.value(row)),
            Values::Date(array) => out.put_i32(time::days(array.value(row))),
            Values::Time(array) => out.put_i64(array.value(row)),
            Values::Timestamp(array, _) => out.put_i64(time::micros(array.value(row))),
            Values::Interval(array) => {
                let interval = array.value(row);
                out.put_i64(interval.nanoseconds / 1_000);
                out.put_i32(interval.days);
                out.put_i32(interval.months);
            }
            Values::List { lists, items, item } => {
                let (from, to) = bounds(lists, row);
                let dimensions = i32::from(from < to);
                out.put_i32(dimensions);
                out.put_i32(i32::from((from..to).any(|place| items.is_null(place))));
                out.put_u32(item.oid());
                if dimensions > 0 {
                    out.put_i32(i32::try_from(to - from).unwrap_or(i32::MAX));
                    out.put_i32(1);
                }
                (from..to).for_each(|place| items.put(place, Format::Binary, out));
            }
            Values::Record { fields, .. } => {
                out.put_i32(i32::try_from(fields.len()).unwrap_or(i32::MAX));
                for (values, wire) in fields {
                    out.put_u32(wire.oid());
                    values.put(row, Format::Binary, out);
                }
            }
        }
    }
}

/// Where the items of a list are.
fn bounds(lists: &ListArray, row: usize) -> (usize, usize) {
    let place = |row: usize| usize::try_from(lists.value_offsets()[row]).unwrap_or_default();
    (place(row), place(row + 1))
}

/// Adds what `put` does with its length in front, which may count itself.
fn with_length(out: &mut BytesMut, counts_itself: bool, put: impl FnOnce(&mut BytesMut)) {
    let place = out.len();
    out.put_i32(0);
    put(out);
    let bytes = out.len() - place - if counts_itself { 0 } else { 4 };
    // Batches are far smaller than that.
    let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
    out[place..place + 4].copy_from_slice(&bytes.to_be_bytes());
}

/// Values of types that PostgreSQL does not have, in the engine's words.
fn printed(array: &ArrayRef) -> Result<StringArray, ServeError> {
    let options = FormatOptions::default();
    let words = ArrayFormatter::try_new(array, &options).map_err(failed)?;
    let text = |row| (!array.is_null(row)).then(|| words.value(row).to_string());
    Ok((0..array.len()).map(text).collect())
}

fn failed(error: arrow::error::ArrowError) -> ServeError {
    ServeError::from(datafusion::error::DataFusionError::from(error))
}

#[cfg(test)]
mod tests;
