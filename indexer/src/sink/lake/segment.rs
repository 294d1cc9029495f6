//! A segment being written: one Parquet file a table, in a folder that nobody reads yet.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use assay_model::lake::{FileInfo, SEGMENT_FILE, SegmentInfo, segment_dir, table_file};
use assay_model::{Batch, BlockRef, Chain, Table};
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory};
use parquet::file::writer::SerializedFileWriter;

use super::encoding;
use crate::sink::SinkError;

/// Rows below which a batch of a table is no row group of its own.
const MIN_GROUP_ROWS: usize = 1 << 14;
/// Rows that wait for a row group before one is made of them.
const WAITING_ROWS: usize = 1 << 17;

/// A batch whose tables are encoded as row groups, all but those with few rows.
#[derive(Debug)]
pub struct EncodedBatch {
    pub(super) first: BlockRef,
    pub(super) last: BlockRef,
    pub(super) block_bytes: u64,
    tables: Vec<EncodedTable>,
}

#[derive(Debug)]
enum EncodedTable {
    /// A row group.
    Columns { rows: u64, chunks: Vec<ArrowColumnChunk> },
    /// Rows too few for a row group of their own: they wait for the rest of the segment.
    Rows(RecordBatch),
}

/// Encodes batches; any number of threads at once.
pub(super) struct Encoder {
    chain: Chain,
    factories: Vec<ArrowRowGroupWriterFactory>,
}

impl Encoder {
    pub fn new(chain: Chain) -> Encoder {
        let factory = |table: &&Table| {
            let (_, factory) = encoding::file_writer(table, Vec::new())
                .unwrap_or_else(|error| panic!("layout of {}: {error}", table.full_name()));
            factory
        };
        Encoder { chain, factories: chain.tables().iter().map(factory).collect() }
    }

    /// Encodes all tables of `batch`.
    pub fn encode(&self, batch: &Batch) -> Result<EncodedBatch, SinkError> {
        let mut tables = Vec::with_capacity(self.factories.len());
        for ((table, rows), factory) in batch.tables().zip(&self.factories) {
            tables.push(if rows.num_rows() < MIN_GROUP_ROWS {
                EncodedTable::Rows(rows.clone())
            } else {
                let chunks = encoding::encode(factory, rows)
                    .map_err(SinkError::parquet("encode", table.full_name()))?;
                EncodedTable::Columns { rows: rows.num_rows() as u64, chunks }
            });
        }
        let Batch { first, last, block_bytes, .. } = *batch;
        Ok(EncodedBatch { first, last, block_bytes, tables })
    }

    /// Starts a segment in `staging`, emptied for it, with the block `first`.
    pub fn begin(&self, staging: PathBuf, first: BlockRef) -> Result<OpenSegment, SinkError> {
        remove_dir(&staging)?;
        std::fs::create_dir_all(&staging).map_err(SinkError::io("create", &staging))?;
        let files = (self.chain.tables().iter())
            .map(|table| TableFile::create(&staging, table))
            .collect::<Result<_, _>>()?;
        Ok(OpenSegment { staging, first, last: None, block_bytes: 0, files })
    }
}

/// A segment being written.
pub(super) struct OpenSegment {
    staging: PathBuf,
    first: BlockRef,
    last: Option<BlockRef>,
    block_bytes: u64,
    files: Vec<TableFile>,
}

struct TableFile {
    table: &'static Table,
    path: PathBuf,
    writer: SerializedFileWriter<BufWriter<File>>,
    factory: ArrowRowGroupWriterFactory,
    rows: u64,
    waiting: Vec<RecordBatch>,
}

impl OpenSegment {
    /// Adds a batch.
    pub fn add(&mut self, batch: EncodedBatch) -> Result<(), SinkError> {
        for (file, table) in self.files.iter_mut().zip(batch.tables) {
            match table {
                EncodedTable::Columns { rows, chunks } => {
                    file.write_waiting()?;
                    file.append(rows, chunks)?;
                }
                EncodedTable::Rows(rows) => file.wait(rows)?,
            }
        }
        self.last = Some(batch.last);
        self.block_bytes += batch.block_bytes;
        Ok(())
    }

    /// Adds rows of one table; the blocks that they belong to are told at `publish`.
    pub fn add_rows(&mut self, table: usize, rows: RecordBatch) -> Result<(), SinkError> {
        self.files[table].wait(rows)
    }

    /// The last block that was added.
    pub fn last(&self) -> Option<BlockRef> {
        self.last
    }

    /// Bytes of raw block data of what was added.
    pub fn block_bytes(&self) -> u64 {
        self.block_bytes
    }

    /// Completes all files and moves the segment, which ends with `last`, to its place in
    /// `chain_dir`: it becomes visible as a whole.
    pub fn publish(
        self,
        chain_dir: &Path,
        last: BlockRef,
        block_bytes: u64,
    ) -> Result<SegmentInfo, SinkError> {
        let mut tables = BTreeMap::new();
        for file in self.files {
            tables.insert(file.table.name.to_owned(), file.finish()?);
        }
        let info = SegmentInfo {
            from: self.first.height,
            to: last.height + 1,
            parent: self.first.parent,
            last: last.hash,
            last_parent: last.parent,
            block_bytes,
            tables,
        };
        write_json(&self.staging.join(SEGMENT_FILE), &info)?;
        sync_dir(&self.staging)?;
        let place = chain_dir.join(segment_dir(&(info.from..info.to)));
        std::fs::rename(&self.staging, &place).map_err(SinkError::io("create", &place))?;
        sync_dir(chain_dir)?;
        Ok(info)
    }
}

impl TableFile {
    fn create(dir: &Path, table: &'static Table) -> Result<TableFile, SinkError> {
        let path = dir.join(table_file(table.name));
        let file = File::create(&path).map_err(SinkError::io("create", &path))?;
        let (writer, factory) = encoding::file_writer(table, BufWriter::new(file))
            .map_err(SinkError::parquet("write", &path))?;
        Ok(TableFile { table, path, writer, factory, rows: 0, waiting: Vec::new() })
    }

    fn append(&mut self, rows: u64, chunks: Vec<ArrowColumnChunk>) -> Result<(), SinkError> {
        if rows == 0 {
            return Ok(());
        }
        self.rows += rows;
        encoding::append(&mut self.writer, chunks).map_err(SinkError::parquet("write", &self.path))
    }

    /// Adds rows to a row group that is not made yet.
    fn wait(&mut self, rows: RecordBatch) -> Result<(), SinkError> {
        self.waiting.push(rows);
        let waiting: usize = self.waiting.iter().map(RecordBatch::num_rows).sum();
        if waiting < WAITING_ROWS { Ok(()) } else { self.write_waiting() }
    }

    fn write_waiting(&mut self) -> Result<(), SinkError> {
        let rows = concat_batches(&self.table.schema(), &std::mem::take(&mut self.waiting))
            .expect("rows of one table have one schema");
        let chunks = encoding::encode(&self.factory, &rows)
            .map_err(SinkError::parquet("encode", &self.path))?;
        self.append(rows.num_rows() as u64, chunks)
    }

    fn finish(mut self) -> Result<FileInfo, SinkError> {
        self.write_waiting()?;
        let file = self
            .writer
            .into_inner()
            .map_err(SinkError::parquet("write", &self.path))?
            .into_inner()
            .map_err(|error| SinkError::io("write", &self.path)(error.into_error()))?;
        let length = file
            .sync_all()
            .and_then(|()| file.metadata())
            .map_err(SinkError::io("write", &self.path))?;
        Ok(FileInfo { rows: self.rows, bytes: length.len() })
    }
}

/// Writes `value` to `path` so that the file is there whole or not at all.
pub(super) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), SinkError> {
    let temporary = path.with_extension("tmp");
    let text = serde_json::to_string_pretty(value).expect("our own types have text keys");
    File::create(&temporary)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&temporary, path))
        .map_err(SinkError::io("write", path))
}

/// Removes the folder at `path` if there is one.
pub(super) fn remove_dir(path: &Path) -> Result<(), SinkError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(SinkError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Makes the names in the folder at `path` durable.
pub(super) fn sync_dir(path: &Path) -> Result<(), SinkError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(SinkError::io("write", path))
}
