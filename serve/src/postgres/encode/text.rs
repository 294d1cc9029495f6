//! Values as text.

use std::fmt::{self, Write};

use bytes::{BufMut, BytesMut};

use super::{Values, bounds, time};

const HEX: &[u8; 16] = b"0123456789abcdef";

impl Values {
    /// Adds a value as PostgreSQL writes it for people. There must be one.
    pub(in crate::postgres) fn put_text(&self, row: usize, out: &mut BytesMut) {
        // Buffers grow: writing to them does not fail.
        let _ = self.write_text(row, out);
    }

    fn write_text(&self, row: usize, out: &mut BytesMut) -> fmt::Result {
        match self {
            Values::Null => Ok(()),
            Values::Bool(array) => out.write_str(if array.value(row) { "t" } else { "f" }),
            Values::Int2(array) => write!(out, "{}", array.value(row)),
            Values::Int4(array) => write!(out, "{}", array.value(row)),
            Values::Int8(array) => write!(out, "{}", array.value(row)),
            Values::Float4(array) => write_float(array.value(row), out),
            Values::Float8(array) => write_float(array.value(row), out),
            Values::Numeric(array) => out.write_str(&array.value_as_string(row)),
            Values::LargeNumeric(array) => out.write_str(&array.value_as_string(row)),
            Values::Text(array) => out.write_str(array.value(row)),
            Values::Bytes(array) => {
                write_bytes(array.value(row), out);
                Ok(())
            }
            Values::Date(array) => time::write_date(array.value(row), out),
            Values::Time(array) => time::write_time(array.value(row), out),
            Values::Timestamp(array, zone) => time::write_timestamp(array.value(row), *zone, out),
            Values::Interval(array) => time::write_interval(array.value(row), out),
            Values::List { lists, items, .. } => {
                let (from, to) = bounds(lists, row);
                out.write_str("{")?;
                for place in from..to {
                    if place > from {
                        out.write_str(",")?;
                    }
                    items.write_inside(place, out, "NULL", is_special_in_list)?;
                }
                out.write_str("}")
            }
            Values::Record { fields, .. } => {
                out.write_str("(")?;
                for (index, (values, _)) in fields.iter().enumerate() {
                    if index > 0 {
                        out.write_str(",")?;
                    }
                    values.write_inside(row, out, "", is_special_in_record)?;
                }
                out.write_str(")")
            }
        }
    }

    /// A value inside of another: in quotes, if it could be misread without them.
    fn write_inside(
        &self,
        row: usize,
        out: &mut BytesMut,
        null: &str,
        is_special: fn(u8) -> bool,
    ) -> fmt::Result {
        if self.is_null(row) {
            return out.write_str(null);
        }
        let mut text = BytesMut::new();
        self.write_text(row, &mut text)?;
        let is_null_word = !null.is_empty() && text.eq_ignore_ascii_case(null.as_bytes());
        if !text.is_empty() && !is_null_word && !text.iter().any(|byte| is_special(*byte)) {
            out.put_slice(&text);
            return Ok(());
        }
        out.put_u8(b'"');
        for byte in text {
            if byte == b'"' || byte == b'\\' {
                out.put_u8(b'\\');
            }
            out.put_u8(byte);
        }
        out.put_u8(b'"');
        Ok(())
    }
}

fn is_special_in_list(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'{' | b'}' | b',' | b'"' | b'\\' | 0x0b)
}

fn is_special_in_record(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'(' | b')' | b',' | b'"' | b'\\' | 0x0b)
}

/// Digits enough to read the same number, in scientific form where PostgreSQL uses it.
fn write_float(
    value: impl Into<f64> + fmt::Display + fmt::LowerExp + Copy,
    out: &mut BytesMut,
) -> fmt::Result {
    let size = value.into().abs();
    if size.is_nan() {
        out.write_str("NaN")
    } else if size.is_infinite() {
        out.write_str(if value.into() > 0.0 { "Infinity" } else { "-Infinity" })
    } else if size == 0.0 || (1e-4..1e15).contains(&size) {
        write!(out, "{value}")
    } else {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or_default();
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{digits}e{sign}{:02}", exponent.abs())
    }
}

fn write_bytes(bytes: &[u8], out: &mut BytesMut) {
    out.reserve(2 + 2 * bytes.len());
    out.put_slice(b"\\x");
    for byte in bytes {
        out.put_u8(HEX[usize::from(byte >> 4)]);
        out.put_u8(HEX[usize::from(byte & 15)]);
    }
}
