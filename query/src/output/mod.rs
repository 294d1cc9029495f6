//! Rows on their way out: as text for programs, or with their types.
//!
//! # Invariants
//!
//! * Every format holds one batch (Parquet: one bounded row group) at a time.
//! * A result without rows still has the header, the schema or the brackets of its format.

mod binary;
mod csv;
mod json;
pub mod text;

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

/// How rows are written for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Comma-separated values with a header.
    Csv,
    /// One array of objects.
    Json,
    /// One object a line.
    Ndjson,
    /// Parquet, compressed with zstd.
    Parquet,
    /// Arrow IPC file (Feather 2).
    Arrow,
    /// Arrow IPC stream.
    ArrowStream,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 6] = [
        Format::Csv,
        Format::Json,
        Format::Ndjson,
        Format::Parquet,
        Format::Arrow,
        Format::ArrowStream,
    ];

    /// The name that people type.
    pub fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
            Format::ArrowStream => "arrow-stream",
        }
    }

    /// What the format is, in a few words.
    pub fn summary(self) -> &'static str {
        match self {
            Format::Csv => "Comma-separated values with a header",
            Format::Json => "One array of objects",
            Format::Ndjson => "One object a line",
            Format::Parquet => "Parquet, compressed with zstd",
            Format::Arrow => "Arrow IPC file (Feather 2)",
            Format::ArrowStream => "Arrow IPC stream",
        }
    }

    /// The type by which HTTP knows the format.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv",
            Format::Json => "application/json",
            Format::Ndjson => "application/x-ndjson",
            Format::Parquet => "application/vnd.apache.parquet",
            Format::Arrow => "application/vnd.apache.arrow.file",
            Format::ArrowStream => "application/vnd.apache.arrow.stream",
        }
    }

    /// The format called `name`.
    pub fn of_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The format that a file's extension stands for.
    pub fn of_extension(extension: &str) -> Option<Format> {
        match extension.to_ascii_lowercase().as_str() {
            "csv" => Some(Format::Csv),
            "json" => Some(Format::Json),
            "ndjson" | "jsonl" => Some(Format::Ndjson),
            "parquet" => Some(Format::Parquet),
            "arrow" | "feather" => Some(Format::Arrow),
            "arrows" => Some(Format::ArrowStream),
            _ => None,
        }
    }

    /// Whether the format is unreadable on a terminal and holds one result only.
    pub fn is_binary(self) -> bool {
        matches!(self, Format::Parquet | Format::Arrow | Format::ArrowStream)
    }
}

/// Writes the rows of one result.
pub trait RowWriter: Send {
    /// Writes the rows of `batch`, which follow those of the batches before.
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError>;

    /// Whether further rows would not be written, so that there is no point in computing them.
    fn is_full(&self) -> bool {
        false
    }

    /// Writes what is still held and what ends the result. Without it the result is incomplete.
    fn finish(self: Box<Self>) -> Result<(), ArrowError>;
}

/// A writer of rows of `schema` to `out`.
pub fn writer<'out>(
    format: Format,
    schema: &SchemaRef,
    out: impl Write + Send + 'out,
) -> Result<Box<dyn RowWriter + 'out>, ArrowError> {
    Ok(match format {
        Format::Csv => Box::new(csv::Csv::new(schema, out)?),
        Format::Json => Box::new(json::Array::new(out)),
        Format::Ndjson => Box::new(json::Lines::new(out)),
        Format::Parquet => Box::new(binary::Parquet::new(schema, out)?),
        Format::Arrow => Box::new(binary::ArrowFile::new(schema, out)?),
        Format::ArrowStream => Box::new(binary::ArrowStream::new(schema, out)?),
    })
}

#[cfg(test)]
mod tests;
