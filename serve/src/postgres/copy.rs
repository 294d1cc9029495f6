//! `COPY … TO STDOUT`: rows as lines of text or CSV, or in PostgreSQL's binary form.

use arrow::datatypes::SchemaRef;
use bytes::{BufMut, BytesMut};
use datafusion::sql::sqlparser::ast::CopyOption;

use super::encode::{Columns, Format};
use crate::ServeError;

const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// How rows are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CopyFormat {
    /// Values with a delimiter between them; what could be misread is escaped.
    Text { delimiter: u8, null: String, header: bool },
    /// The same, with quotes around what could be misread.
    Csv { delimiter: u8, null: String, header: bool, quote: u8 },
    /// As machines read it.
    Binary,
}

impl CopyFormat {
    /// Of the options in parentheses, or of those without.
    pub(super) fn new(options: &[CopyOption], legacy: &str) -> Result<CopyFormat, ServeError> {
        let legacy = legacy.to_ascii_lowercase();
        let has = |word: &str| legacy.split_whitespace().any(|known| known == word);
        let mut name = if has("csv") {
            "csv"
        } else if has("binary") {
            "binary"
        } else {
            "text"
        }
        .to_owned();
        let (mut delimiter, mut null, mut quote) = (None, None, b'"');
        let mut header = has("header");
        for option in options {
            match option {
                CopyOption::Format(format) => name = format.value.to_ascii_lowercase(),
                CopyOption::Delimiter(letter) => delimiter = Some(single(*letter)?),
                CopyOption::Null(text) => null = Some(text.clone()),
                CopyOption::Header(wanted) => header = *wanted,
                CopyOption::Quote(letter) => quote = single(*letter)?,
                CopyOption::Encoding(encoding)
                    if ["utf8", "utf-8"].contains(&encoding.to_ascii_lowercase().as_str()) => {}
                other => {
                    return Err(ServeError::Unsupported(format!(
                        "COPY … {other} is not supported"
                    )));
                }
            }
        }
        if let Some((_, after)) = legacy.split_once("delimiter")
            && let Some(letter) = after.trim_start().trim_start_matches("as ").chars().nth(1)
        {
            delimiter = Some(single(letter)?);
        }
        match name.as_str() {
            "text" => Ok(CopyFormat::Text {
                delimiter: delimiter.unwrap_or(b'\t'),
                null: null.unwrap_or_else(|| "\\N".to_owned()),
                header,
            }),
            "csv" => Ok(CopyFormat::Csv {
                delimiter: delimiter.unwrap_or(b','),
                null: null.unwrap_or_default(),
                header,
                quote,
            }),
            "binary" => Ok(CopyFormat::Binary),
            _ => Err(ServeError::Unsupported(format!("COPY … FORMAT {name} is not supported"))),
        }
    }

    /// What the audit log calls it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            CopyFormat::Text { .. } => "text",
            CopyFormat::Csv { .. } => "csv",
            CopyFormat::Binary => "binary",
        }
    }

    /// How values are written.
    pub(super) fn format(&self) -> Format {
        match self {
            CopyFormat::Text { .. } | CopyFormat::Csv { .. } => Format::Text,
            CopyFormat::Binary => Format::Binary,
        }
    }

    /// What comes before the first row.
    pub(super) fn put_start(&self, schema: &SchemaRef, out: &mut BytesMut) {
        let names = || schema.fields().iter().map(|field| field.name().as_bytes());
        match self {
            CopyFormat::Text { delimiter, header: true, .. } => put_data(out, |out| {
                put_line(out, *delimiter, names(), |name, out| put_escaped(name, *delimiter, out));
            }),
            CopyFormat::Csv { delimiter, header: true, quote, null } => put_data(out, |out| {
                put_line(out, *delimiter, names(), |name, out| {
                    put_quoted(name, *delimiter, *quote, null, out);
                });
            }),
            CopyFormat::Text { .. } | CopyFormat::Csv { .. } => {}
            CopyFormat::Binary => put_data(out, |out| out.put_slice(BINARY_HEADER)),
        }
    }

    /// A row.
    pub(super) fn put_row(&self, columns: &Columns, row: usize, out: &mut BytesMut) {
        let mut text = BytesMut::new();
        put_data(out, |out| match self {
            CopyFormat::Text { delimiter, null, .. } => {
                put_line(out, *delimiter, columns.values(), |values, out| {
                    if values.is_null(row) {
                        out.put_slice(null.as_bytes());
                    } else {
                        text.clear();
                        values.put_text(row, &mut text);
                        put_escaped(&text, *delimiter, out);
                    }
                });
            }
            CopyFormat::Csv { delimiter, null, quote, .. } => {
                put_line(out, *delimiter, columns.values(), |values, out| {
                    if values.is_null(row) {
                        out.put_slice(null.as_bytes());
                    } else {
                        text.clear();
                        values.put_text(row, &mut text);
                        put_quoted(&text, *delimiter, *quote, null, out);
                    }
                });
            }
            CopyFormat::Binary => {
                let count = columns.values().count();
                out.put_i16(i16::try_from(count).unwrap_or(i16::MAX));
                columns.values().for_each(|values| values.put(row, Format::Binary, out));
            }
        });
    }

    /// What comes after the last row.
    pub(super) fn put_end(&self, out: &mut BytesMut) {
        if *self == CopyFormat::Binary {
            put_data(out, |out| out.put_i16(-1));
        }
    }
}

fn single(letter: char) -> Result<u8, ServeError> {
    let single = u8::try_from(letter).ok().filter(u8::is_ascii);
    single.ok_or_else(|| ServeError::Unsupported(format!("'{letter}' is not one byte")))
}

/// Adds a message with data.
fn put_data(out: &mut BytesMut, put: impl FnOnce(&mut BytesMut)) {
    let place = out.len() + 1;
    out.put_slice(b"d\0\0\0\0");
    put(out);
    let bytes = i32::try_from(out.len() - place).unwrap_or(i32::MAX);
    out[place..place + 4].copy_from_slice(&bytes.to_be_bytes());
}

fn put_line<T>(
    out: &mut BytesMut,
    delimiter: u8,
    items: impl Iterator<Item = T>,
    mut put: impl FnMut(T, &mut BytesMut),
) {
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.put_u8(delimiter);
        }
        put(item, out);
    }
    out.put_u8(b'\n');
}

fn put_escaped(text: &[u8], delimiter: u8, out: &mut BytesMut) {
    for byte in text {
        let letter = match *byte {
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0b => b'v',
            0x0c => b'f',
            other if other == delimiter => other,
            other => {
                out.put_u8(other);
                continue;
            }
        };
        out.put_u8(b'\\');
        out.put_u8(letter);
    }
}

fn put_quoted(text: &[u8], delimiter: u8, quote: u8, null: &str, out: &mut BytesMut) {
    let special = |byte: &u8| *byte == delimiter || *byte == quote || matches!(byte, b'\n' | b'\r');
    // A lone \. would end the data for old readers; what reads as nothing is not nothing.
    let as_it_is = text != null.as_bytes() && text != b"\\." && !text.iter().any(special);
    if as_it_is {
        out.put_slice(text);
        return;
    }
    out.put_u8(quote);
    for byte in text {
        if *byte == quote {
            out.put_u8(quote);
        }
        out.put_u8(*byte);
    }
    out.put_u8(quote);
}
