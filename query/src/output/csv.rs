//! Comma-separated values: a header, quotes as in RFC 4180, lines that end with LF, NULL as nothing.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::csv::{Writer, WriterBuilder};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::{RowWriter, text};

/// Writes CSV.
pub struct Csv<W: Write> {
    writer: Writer<W>,
}

impl<W: Write + Send> Csv<W> {
    /// Starts with the header, which a result without rows has, too.
    pub fn new(schema: &SchemaRef, out: W) -> Result<Csv<W>, ArrowError> {
        let mut csv = Csv { writer: WriterBuilder::new().with_header(true).build(out) };
        csv.write(&RecordBatch::new_empty(schema.clone()))?;
        Ok(csv)
    }
}

impl<W: Write + Send> RowWriter for Csv<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.writer.write(&text::flat(batch)?)
    }

    fn finish(self: Box<Self>) -> Result<(), ArrowError> {
        Ok(self.writer.into_inner().flush()?)
    }
}
