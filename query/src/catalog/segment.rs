//! One segment of the lake: the files that hold a range of heights.
//!
//! # Invariants
//!
//! * `info` is of the same range of heights as the folder's name.
//! * Block times, once loaded, have one entry for every height of the segment.

use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use assay_model::lake::{self, FileInfo, SegmentInfo};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::QueryError;

/// A segment that a snapshot holds.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) heights: Range<u64>,
    pub(crate) info: SegmentInfo,
    /// Name of the folder, within the chain's.
    pub(crate) name: String,
    dir: PathBuf,
    /// When `segment.json` was written: tells apart two segments of the same heights.
    pub(crate) written: SystemTime,
    times: OnceLock<Box<[i64]>>,
}

impl Segment {
    /// The segment of `heights` in the chain's folder; `None` if it has disappeared.
    pub(crate) fn open(
        chain_dir: &Path,
        heights: Range<u64>,
        written: SystemTime,
    ) -> Result<Option<Segment>, QueryError> {
        let name = lake::segment_dir(&heights);
        let dir = chain_dir.join(&name);
        let path = dir.join(lake::SEGMENT_FILE);
        let Some(text) = unless_gone(fs::read(&path), &path)? else { return Ok(None) };
        let damaged = |reason| QueryError::Damaged { path: path.clone(), reason };
        let info: SegmentInfo =
            serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if (info.from..info.to) != heights {
            return Err(damaged(format!("it speaks of heights {} to {}", info.from, info.to)));
        }
        Ok(Some(Segment { heights, info, name, dir, written, times: OnceLock::new() }))
    }

    /// When the segment of `heights` was written; `None` if it has disappeared.
    pub(crate) fn written(
        chain_dir: &Path,
        heights: &Range<u64>,
    ) -> Result<Option<SystemTime>, QueryError> {
        let path = chain_dir.join(lake::segment_dir(heights)).join(lake::SEGMENT_FILE);
        unless_gone(fs::metadata(&path).and_then(|metadata| metadata.modified()), &path)
    }

    /// Rows and size of a table's file.
    pub(crate) fn file(&self, table: &str) -> Result<FileInfo, QueryError> {
        self.info.tables.get(table).copied().ok_or_else(|| QueryError::Damaged {
            path: self.dir.join(lake::SEGMENT_FILE),
            reason: format!("it lacks the table '{table}'"),
        })
    }

    /// Header times of the segment's blocks in height order, microseconds since 1970.
    ///
    /// Reads the file at the first call; 8 bytes a block stay in memory with the segment.
    pub(crate) fn times(&self) -> Result<&[i64], QueryError> {
        if let Some(times) = self.times.get() {
            return Ok(times);
        }
        let loaded = self.read_times()?;
        Ok(self.times.get_or_init(|| loaded))
    }

    fn read_times(&self) -> Result<Box<[i64]>, QueryError> {
        let path = self.dir.join(lake::table_file("blocks"));
        let damaged = |reason: String| QueryError::Damaged { path: path.clone(), reason };
        let file =
            File::open(&path).map_err(|source| QueryError::Read { path: path.clone(), source })?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .and_then(|builder| {
                let columns = ProjectionMask::columns(builder.parquet_schema(), ["height", "time"]);
                builder.with_projection(columns).build()
            })
            .map_err(|error| damaged(error.to_string()))?;
        let mut times = Vec::new();
        for batch in reader {
            let batch = batch.map_err(|error| damaged(error.to_string()))?;
            self.append_times(&batch, &mut times).map_err(damaged)?;
        }
        if times.len() as u64 != self.heights.end - self.heights.start {
            return Err(damaged(format!(
                "it holds {} blocks, not those of heights {} to {}",
                times.len(),
                self.heights.start,
                self.heights.end
            )));
        }
        Ok(times.into())
    }

    fn append_times(&self, batch: &RecordBatch, times: &mut Vec<i64>) -> Result<(), String> {
        let heights = batch
            .column_by_name("height")
            .and_then(|column| column.as_primitive_opt::<Int64Type>())
            .ok_or("it lacks the column 'height'")?;
        let column = batch
            .column_by_name("time")
            .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
            .ok_or("it lacks the column 'time'")?;
        for (height, time) in heights.values().iter().zip(column.values()) {
            let expected = self.heights.start + times.len() as u64;
            if u64::try_from(*height) != Ok(expected) {
                return Err(format!("height {height} stands where {expected} belongs"));
            }
            times.push(*time);
        }
        Ok(())
    }
}

/// `None` if what was read is no longer there: the indexer replaces segments while others read.
fn unless_gone<T>(result: std::io::Result<T>, path: &Path) -> Result<Option<T>, QueryError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(QueryError::Read { path: path.to_owned(), source }),
    }
}
