//! The formats that keep the types: Parquet and Arrow.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::writer::{FileWriter, StreamWriter};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::RowWriter;

/// The most of a row group that is held before it is written out, bytes.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// Writes Parquet.
pub struct Parquet<W: Write + Send> {
    writer: ArrowWriter<W>,
}

impl<W: Write + Send> Parquet<W> {
    /// Starts a file of rows of `schema`.
    pub fn new(schema: &SchemaRef, out: W) -> Result<Parquet<W>, ArrowError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("assay ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        Ok(Parquet { writer: ArrowWriter::try_new(out, schema.clone(), Some(properties))? })
    }
}

impl<W: Write + Send> RowWriter for Parquet<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.writer.write(batch)?;
        if self.writer.memory_size() > ROW_GROUP_BYTES {
            self.writer.flush()?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), ArrowError> {
        self.writer.finish()?;
        Ok(self.writer.inner_mut().flush()?)
    }
}

/// Writes an Arrow IPC file.
pub struct ArrowFile<W: Write> {
    writer: FileWriter<W>,
}

impl<W: Write> ArrowFile<W> {
    /// Starts a file of rows of `schema`.
    pub fn new(schema: &SchemaRef, out: W) -> Result<ArrowFile<W>, ArrowError> {
        Ok(ArrowFile { writer: FileWriter::try_new(out, schema)? })
    }
}

impl<W: Write + Send> RowWriter for ArrowFile<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.writer.write(batch)
    }

    fn finish(mut self: Box<Self>) -> Result<(), ArrowError> {
        self.writer.finish()
    }
}

/// Writes an Arrow IPC stream.
pub struct ArrowStream<W: Write> {
    writer: StreamWriter<W>,
}

impl<W: Write> ArrowStream<W> {
    /// Starts a stream of rows of `schema`.
    pub fn new(schema: &SchemaRef, out: W) -> Result<ArrowStream<W>, ArrowError> {
        Ok(ArrowStream { writer: StreamWriter::try_new(out, schema)? })
    }
}

impl<W: Write + Send> RowWriter for ArrowStream<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.writer.write(batch)
    }

    fn finish(mut self: Box<Self>) -> Result<(), ArrowError> {
        self.writer.finish()
    }
}
