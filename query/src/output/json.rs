//! JSON: an array of objects, or one object a line.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::json::writer::{JsonFormat, LineDelimited, Writer, WriterBuilder};

use super::{RowWriter, text};

/// Writes one array, with one object a line.
pub struct Array<W: Write> {
    writer: Writer<W, OneALine>,
}

impl<W: Write> Array<W> {
    /// Starts with nothing written.
    pub fn new(out: W) -> Array<W> {
        Array { writer: WriterBuilder::new().with_explicit_nulls(true).build(out) }
    }
}

impl<W: Write + Send> RowWriter for Array<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.writer.write(&text::plain(batch)?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), ArrowError> {
        self.writer.finish()?;
        Ok(self.writer.get_mut().flush()?)
    }
}

/// Writes one object a line.
pub struct Lines<W: Write> {
    writer: Writer<W, LineDelimited>,
}

impl<W: Write> Lines<W> {
    /// Starts with nothing written.
    pub fn new(out: W) -> Lines<W> {
        Lines { writer: WriterBuilder::new().with_explicit_nulls(true).build(out) }
    }
}

impl<W: Write + Send> RowWriter for Lines<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.writer.write(&text::plain(batch)?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), ArrowError> {
        self.writer.finish()?;
        Ok(self.writer.get_mut().flush()?)
    }
}

/// An array whose rows stand one a line.
#[derive(Debug, Default)]
struct OneALine;

impl JsonFormat for OneALine {
    fn start_stream<W: Write>(&self, writer: &mut W) -> Result<(), ArrowError> {
        Ok(writer.write_all(b"[")?)
    }

    fn start_row<W: Write>(&self, writer: &mut W, is_first_row: bool) -> Result<(), ArrowError> {
        Ok(writer.write_all(if is_first_row { b"\n" } else { b",\n" })?)
    }

    fn end_stream<W: Write>(&self, writer: &mut W) -> Result<(), ArrowError> {
        Ok(writer.write_all(b"\n]\n")?)
    }
}
