//! One segment of the lake: the files that hold a range of heights.
//!
//! # Invariants
//!
//! * `info` is of the same range of heights as the folder's name, which no other segment ever has.
//! * Block times, once loaded, have one entry for every height of the segment.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

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
    times: OnceLock<Box<[i64]>>,
}

impl Segment {
    /// The segment called `name`, of `heights`, in the chain's folder.
    pub(crate) fn open(
        chain_dir: &Path,
        name: &str,
        heights: Range<u64>,
    ) -> Result<Segment, QueryError> {
        let dir = chain_dir.join(name);
        let path = dir.join(lake::SEGMENT_FILE);
        let mut text = String::new();
        open_file(&path)
            .and_then(|mut file| file.read_to_string(&mut text))
            .map_err(|source| QueryError::Read { path: path.clone(), source })?;
        let damaged = |reason| QueryError::Damaged { path: path.clone(), reason };
        let info: SegmentInfo =
            serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        if info.heights() != heights {
            return Err(damaged(format!("it speaks of heights {} to {}", info.from, info.to)));
        }
        Ok(Segment { heights, info, name: name.to_owned(), dir, times: OnceLock::new() })
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
            open_file(&path).map_err(|source| QueryError::Read { path: path.clone(), source })?;
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

/// Opens a file of a segment by the path that it had when the snapshot was taken: the indexer may
/// have put the segment aside meanwhile.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    File::open(path).or_else(|error| match put_aside(path) {
        Some(path) if error.kind() == ErrorKind::NotFound => File::open(path).map_err(|_| error),
        _ => Err(error),
    })
}

/// Where the file of a segment that is at `path` is after the segment was replaced.
pub(crate) fn put_aside(path: &Path) -> Option<PathBuf> {
    let segment = path.parent()?;
    let aside = segment.parent()?.join(lake::REPLACED_DIR);
    Some(aside.join(segment.file_name()?).join(path.file_name()?))
}
