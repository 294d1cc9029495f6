//! Comma-separated values: a header, quotes as in RFC 4180, lines that end with LF, NULL as nothing.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::csv::{Writer, WriterBuilder};
use arrow::datatypes::SchemaRef;

use super::{RowWriter, text};

/// Writes CSV.
pub struct Csv<W: Write> {
    writer: Writer<W>,
}

impl<W: Write> Csv<W> {
    /// Starts with the header, which a result without rows has, too.
    pub fn new(schema: &SchemaRef, out: W) -> anyhow::Result<Csv<W>> {
        let mut csv = Csv { writer: WriterBuilder::new().with_header(true).build(out) };
        csv.write(&RecordBatch::new_empty(schema.clone()))?;
        Ok(csv)
    }
}

impl<W: Write> RowWriter for Csv<W> {
    fn write(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        Ok(self.writer.write(&text::flat(batch)?)?)
    }

    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        Ok(self.writer.into_inner().flush()?)
    }
}
