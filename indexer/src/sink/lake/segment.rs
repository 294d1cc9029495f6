//! A segment being written: one Parquet file a table, in a folder that nobody reads yet.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use assay_model::lake::{FileInfo, SEGMENT_FILE, SegmentInfo, table_file};
use assay_model::{Batch, BlockRef, Chain, Table};
use parquet::arrow::arrow_writer::ArrowColumnChunk;
use parquet::file::writer::SerializedFileWriter;

use super::encoding::{self, Layout};
use super::{Disk, NewFile, sync_dir};
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

/// The rows of one table in one batch.
#[derive(Debug)]
pub(super) enum EncodedTable {
    /// A row group.
    Columns { rows: u64, chunks: Vec<ArrowColumnChunk> },
    /// Rows too few for a row group of their own: they wait for the rest of the segment.
    Rows(RecordBatch),
}

/// Encodes batches; any number of threads at once.
pub(super) struct Encoder {
    chain: Chain,
    layouts: &'static [Layout],
}

impl Encoder {
    pub fn new(chain: Chain) -> Encoder {
        Encoder { chain, layouts: encoding::layouts(chain) }
    }

    /// Encodes all tables of `batch`.
    pub fn encode(&self, batch: &Batch) -> Result<EncodedBatch, SinkError> {
        let tables = batch.tables().enumerate();
        let tables = tables.map(|(place, (_, rows))| self.encode_table(place, rows.clone()));
        let Batch { first, last, block_bytes, .. } = *batch;
        Ok(EncodedBatch { first, last, block_bytes, tables: tables.collect::<Result<_, _>>()? })
    }

    /// Encodes the rows of one batch in the table at `place` among the chain's.
    pub fn encode_table(&self, place: usize, rows: RecordBatch) -> Result<EncodedTable, SinkError> {
        if rows.num_rows() < MIN_GROUP_ROWS {
            return Ok(EncodedTable::Rows(rows));
        }
        let name = self.chain.tables()[place].full_name();
        let chunks =
            self.layouts[place].encode(&rows).map_err(SinkError::parquet("encode", name))?;
        Ok(EncodedTable::Columns { rows: rows.num_rows() as u64, chunks })
    }

    /// Starts a segment in `staging`, emptied for it, with the block `first`.
    pub fn begin(
        &self,
        disk: &dyn Disk,
        staging: PathBuf,
        first: BlockRef,
    ) -> Result<OpenSegment, SinkError> {
        disk.remove_dir(&staging).map_err(SinkError::io("remove", &staging))?;
        disk.create_dir(&staging).map_err(SinkError::io("create", &staging))?;
        let files = (self.chain.tables().iter().zip(self.layouts))
            .map(|(table, layout)| TableFile::create(disk, &staging, table, layout))
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
    writer: SerializedFileWriter<Box<dyn NewFile>>,
    layout: &'static Layout,
    rows: u64,
    waiting: Vec<RecordBatch>,
}

impl OpenSegment {
    /// Adds a batch.
    pub fn add(&mut self, batch: EncodedBatch) -> Result<(), SinkError> {
        for (place, table) in batch.tables.into_iter().enumerate() {
            self.add_table(place, table)?;
        }
        self.ends_with(batch.last, batch.block_bytes);
        Ok(())
    }

    /// Adds what a batch has of the table at `place`.
    pub fn add_table(&mut self, place: usize, table: EncodedTable) -> Result<(), SinkError> {
        let file = &mut self.files[place];
        match table {
            EncodedTable::Columns { rows, chunks } => {
                file.write_waiting()?;
                file.append(rows, chunks)
            }
            EncodedTable::Rows(rows) => file.wait(rows),
        }
    }

    /// Says that the rows added go up to the block `last`, and that of what was added since this was
    /// said before, there are `block_bytes` of block data.
    pub fn ends_with(&mut self, last: BlockRef, block_bytes: u64) {
        self.last = Some(last);
        self.block_bytes += block_bytes;
    }

    /// The last block that was added.
    pub fn last(&self) -> Option<BlockRef> {
        self.last
    }

    /// Bytes of raw block data of what was added.
    pub fn block_bytes(&self) -> u64 {
        self.block_bytes
    }

    /// Completes all files.
    ///
    /// # Panics
    ///
    /// If nothing was added: a bug of the caller.
    pub fn finish(self, disk: &dyn Disk) -> Result<StagedSegment, SinkError> {
        let last = self.last.expect("a segment is opened for blocks, which are then added");
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
            block_bytes: self.block_bytes,
            tables,
        };
        write_json(disk, &self.staging.join(SEGMENT_FILE), &info)?;
        sync_dir(disk, &self.staging)?;
        Ok(StagedSegment { staging: self.staging, info })
    }
}

/// A segment that is complete, and not in its place yet.
pub(super) struct StagedSegment {
    staging: PathBuf,
    info: SegmentInfo,
}

impl StagedSegment {
    /// Moves the segment to its place in `chain_dir`. It is part of the lake once the manifest says
    /// so.
    pub fn publish(self, disk: &dyn Disk, chain_dir: &Path) -> Result<SegmentInfo, SinkError> {
        let place = chain_dir.join(self.info.dir());
        disk.rename(&self.staging, &place).map_err(SinkError::io("create", &place))?;
        sync_dir(disk, chain_dir)?;
        Ok(self.info)
    }
}

impl TableFile {
    fn create(
        disk: &dyn Disk,
        dir: &Path,
        table: &'static Table,
        layout: &'static Layout,
    ) -> Result<TableFile, SinkError> {
        let path = dir.join(table_file(table.name));
        let file = disk.create(&path).map_err(SinkError::io("create", &path))?;
        let writer = layout.file(file).map_err(SinkError::parquet("write", &path))?;
        Ok(TableFile { table, path, writer, layout, rows: 0, waiting: Vec::new() })
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
        if self.waiting.iter().all(|rows| rows.num_rows() == 0) {
            return Ok(());
        }
        let rows = concat_batches(&self.table.schema(), &std::mem::take(&mut self.waiting))
            .expect("rows of one table have one schema");
        let chunks = self.layout.encode(&rows).map_err(SinkError::parquet("encode", &self.path))?;
        self.append(rows.num_rows() as u64, chunks)
    }

    fn finish(mut self) -> Result<FileInfo, SinkError> {
        self.write_waiting()?;
        let file = self.writer.into_inner().map_err(SinkError::parquet("write", &self.path))?;
        let bytes = file.finish().map_err(SinkError::io("write", &self.path))?;
        Ok(FileInfo { rows: self.rows, bytes })
    }
}

/// Writes `value` to `path` so that the file is there whole or not at all.
pub(super) fn write_json(
    disk: &dyn Disk,
    path: &Path,
    value: &impl serde::Serialize,
) -> Result<(), SinkError> {
    let temporary = path.with_extension("tmp");
    let mut text = serde_json::to_vec_pretty(value).expect("our own types have text keys");
    text.push(b'\n');
    let write = || {
        let mut file = disk.create(&temporary)?;
        file.write_all(&text)?;
        file.finish()?;
        disk.rename(&temporary, path)
    };
    write().map_err(SinkError::io("write", path))
}
