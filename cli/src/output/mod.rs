//! Rows on their way to people and files: as an aligned table, or as `assay_query::output` writes them.
//!
//! # Invariants
//!
//! * Every format but the table holds one batch (Parquet: one bounded row group) at a time.
//! * A file appears under its name only when it is complete.

pub mod stdout;
pub mod table;
pub mod target;

use std::io::Write;
use std::path::Path;

use arrow::datatypes::SchemaRef;
use assay_query::output::{self, RowWriter};
use clap::ValueEnum;
use clap::builder::PossibleValue;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns for people.
    Table,
    /// For programs.
    Rows(output::Format),
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Format] {
        const {
            &[
                Format::Table,
                Format::Rows(output::Format::Csv),
                Format::Rows(output::Format::Json),
                Format::Rows(output::Format::Ndjson),
                Format::Rows(output::Format::Parquet),
                Format::Rows(output::Format::Arrow),
                Format::Rows(output::Format::ArrowStream),
            ]
        }
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let summary = match self {
            Format::Table => "Aligned columns for people",
            Format::Rows(format) => format.summary(),
        };
        Some(PossibleValue::new(self.name()).help(summary))
    }
}

impl Format {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Rows(format) => format.name(),
        }
    }

    /// The format that the extension of `path` stands for.
    pub fn of_file(path: &Path) -> Option<Format> {
        let extension = path.extension()?.to_str()?;
        if extension.eq_ignore_ascii_case("txt") {
            return Some(Format::Table);
        }
        output::Format::of_extension(extension).map(Format::Rows)
    }

    /// Whether the format is unreadable on a terminal and holds one result only.
    pub fn is_binary(self) -> bool {
        matches!(self, Format::Rows(format) if format.is_binary())
    }

    /// What is written between two results.
    pub fn separator(self) -> &'static str {
        match self {
            Format::Table | Format::Rows(output::Format::Csv) => "\n",
            _ => "",
        }
    }
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
        Format::Rows(format) => output::writer(format, schema, out)?,
    })
}

#[cfg(test)]
mod tests;
