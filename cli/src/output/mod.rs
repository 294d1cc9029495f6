//! Rows on their way out: as a table for people, as text for programs, or with their types.
//!
//! # Invariants
//!
//! * Every format but the table holds one batch (Parquet: one bounded row group) at a time.
//! * A file appears under its name only when it is complete.

mod binary;
mod csv;
mod json;
pub mod stdout;
pub mod table;
pub mod target;
pub mod text;

use std::io::Write;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use clap::ValueEnum;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns for people
    Table,
    /// Comma-separated values with a header
    Csv,
    /// One array of objects
    Json,
    /// One object a line
    Ndjson,
    /// Parquet, compressed with zstd
    Parquet,
    /// Arrow IPC file (Feather 2)
    Arrow,
    /// Arrow IPC stream
    ArrowStream,
}

impl Format {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
            Format::ArrowStream => "arrow-stream",
        }
    }

    /// The format that the extension of `path` stands for.
    pub fn of_file(path: &Path) -> Option<Format> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "txt" => Some(Format::Table),
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

    /// What is written between two results.
    pub fn separator(self) -> &'static str {
        match self {
            Format::Table | Format::Csv => "\n",
            _ => "",
        }
    }
}

/// Writes the rows of one result.
pub trait RowWriter {
    /// Writes the rows of `batch`, which follow those of the batches before.
    fn write(&mut self, batch: &RecordBatch) -> anyhow::Result<()>;

    /// Whether further rows would not be written, so that there is no point in computing them.
    fn is_full(&self) -> bool {
        false
    }

    /// Writes what is still held and what ends the result. Without it the result is incomplete.
    fn finish(self: Box<Self>) -> anyhow::Result<()>;
}

/// A writer of rows of `schema` to `out`; a table shows at most `max_rows` (0: all).
pub fn writer<'out>(
    format: Format,
    schema: &SchemaRef,
    max_rows: u64,
    out: &'out mut (dyn Write + Send),
) -> anyhow::Result<Box<dyn RowWriter + 'out>> {
    Ok(match format {
        Format::Table => Box::new(table::Table::of_rows(schema, max_rows, out)),
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
