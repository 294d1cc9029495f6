//! Segments made of others: merged, or cut short.
//!
//! What comes out is what one run over the same blocks writes, byte for byte: rows are put into the
//! batches that they would have come in.

use std::ops::Range;
use std::path::Path;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use assay_model::lake::{SegmentInfo, table_file};
use assay_model::{BlockHash, BlockRef};

use super::segment::{OpenSegment, StagedSegment};
use super::{BLOCKS, Disk, Inner, block_bytes, encoding};
use crate::sink::{Cuts, SinkError};

/// The places of segments between two cuts that are to become one: several whose end is a cut, or
/// more than `most` at the end of the lake.
pub(super) fn due(segments: &[SegmentInfo], cuts: Cuts, most: usize) -> Option<Range<usize>> {
    let mut start = 0;
    let mut before = 0;
    for (place, segment) in segments.iter().enumerate() {
        let after = before + segment.block_bytes;
        if cuts.ends_segment(before, after) {
            if place > start {
                return Some(start..place + 1);
            }
            start = place + 1;
        }
        before = after;
    }
    (segments.len() - start > most.max(1)).then_some(start..segments.len())
}

/// A segment to be made.
pub(super) struct Rebuild<'a> {
    lake: &'a Inner,
    /// What it is made of.
    sources: &'a [SegmentInfo],
    /// The heights that it is to have: all of the sources', or those of the first of them.
    heights: Range<u64>,
    /// Bytes of block data below it.
    bytes_below: u64,
}

impl<'a> Rebuild<'a> {
    /// The segment of `heights` out of those of `segments` at `places`.
    pub fn new(
        lake: &'a Inner,
        segments: &'a [SegmentInfo],
        places: Range<usize>,
        heights: Range<u64>,
    ) -> Rebuild<'a> {
        let bytes_below = block_bytes(&segments[..places.start]);
        Rebuild { lake, sources: &segments[places], heights, bytes_below }
    }

    /// Writes the segment to the staging folder `name`.
    pub fn run(&self, name: &str) -> Result<StagedSegment, SinkError> {
        let (blocks, sizes) = self.blocks()?;
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
            let path = self.lake.dir.join(self.sources[0].dir());
            return Err(SinkError::BadSegment { path });
        };
        let ends = self.batch_ends(&sizes);
        let disk = &*self.lake.disk;
        let mut open = self.lake.encoder.begin(disk, self.lake.staging(name), *first)?;
        for place in 0..self.lake.chain.tables().len() {
            self.copy_table(place, &ends, &mut open)?;
        }
        open.ends_with(*last, sizes.iter().sum());
        open.finish(disk)
    }

    /// The blocks, and the size of each, bytes.
    fn blocks(&self) -> Result<(Vec<BlockRef>, Vec<u64>), SinkError> {
        let (mut blocks, mut sizes) = (Vec::new(), Vec::new());
        for source in self.sources {
            let dir = self.lake.dir.join(source.dir());
            blocks.extend(read_block_refs(&*self.lake.disk, &dir, &self.heights)?);
            for rows in read_rows(&*self.lake.disk, &dir, BLOCKS, Some(&["height", "size"]))? {
                let rows = rows?;
                let heights = rows.column(0).as_primitive::<Int64Type>().values();
                let size = rows.column(1).as_primitive::<Int64Type>().values();
                let kept = heights.iter().zip(size);
                let kept = kept.filter(|(height, _)| self.heights.contains(&(**height as u64)));
                sizes.extend(kept.map(|(_, &size)| size as u64));
            }
        }
        Ok((blocks, sizes))
    }

    /// Where the batches end that blocks of `sizes` come in: the height after the last of each.
    fn batch_ends(&self, sizes: &[u64]) -> Vec<u64> {
        let mut before = self.bytes_below;
        let mut ends = Vec::new();
        for (height, size) in self.heights.clone().zip(sizes) {
            let after = before + size;
            if height + 1 == self.heights.end || self.lake.cuts.ends_batch(before, after) {
                ends.push(height + 1);
            }
            before = after;
        }
        ends
    }

    /// Copies the rows of the table at `place`, batch by batch, which end where `ends` says.
    fn copy_table(
        &self,
        place: usize,
        ends: &[u64],
        open: &mut OpenSegment,
    ) -> Result<(), SinkError> {
        let table = self.lake.chain.tables()[place];
        let schema = table.schema();
        let mut ends = ends.iter();
        let mut end = ends.next();
        let mut gathered: Vec<RecordBatch> = Vec::new();
        let mut close = |gathered: &mut Vec<RecordBatch>| {
            let rows = concat_batches(&schema, &std::mem::take(gathered))
                .expect("rows of one table have one schema");
            open.add_table(place, self.lake.encoder.encode_table(place, rows)?)
        };
        for source in self.sources {
            let dir = self.lake.dir.join(source.dir());
            for rows in read_rows(&*self.lake.disk, &dir, table.name, None)? {
                let mut rows = rows?;
                while let Some(&height) = end {
                    let below = rows_below(&rows, height);
                    gathered.push(rows.slice(0, below));
                    rows = rows.slice(below, rows.num_rows() - below);
                    if rows.num_rows() == 0 {
                        break;
                    }
                    close(&mut gathered)?;
                    end = ends.next();
                }
            }
        }
        while end.is_some() {
            close(&mut gathered)?;
            end = ends.next();
        }
        Ok(())
    }
}

/// The number of rows at the beginning of `rows` whose height is below `height`.
fn rows_below(rows: &RecordBatch, height: u64) -> usize {
    let heights = rows.column_by_name("height").expect("every table has heights");
    let heights = heights.as_primitive::<Int64Type>().values();
    heights.partition_point(|&found| (found as u64) < height)
}

/// The rows of `table` in the segment in `dir`, `columns` of them or all.
fn read_rows(
    disk: &dyn Disk,
    dir: &Path,
    table: &str,
    columns: Option<&[&str]>,
) -> Result<impl Iterator<Item = Result<RecordBatch, SinkError>>, SinkError> {
    let path = dir.join(table_file(table));
    let file = disk.read(&path).map_err(SinkError::io("read", &path))?;
    let rows = encoding::read(file, columns).map_err(SinkError::parquet("read", &path))?;
    Ok(rows.map(move |rows| rows.map_err(SinkError::parquet("read", &path))))
}

/// The blocks of the segment in `dir` with heights in `heights`.
pub(super) fn read_block_refs(
    disk: &dyn Disk,
    dir: &Path,
    heights: &Range<u64>,
) -> Result<Vec<BlockRef>, SinkError> {
    let mut blocks = Vec::new();
    for rows in read_rows(disk, dir, BLOCKS, Some(&["height", "hash", "parent_hash"]))? {
        let rows = rows?;
        let hash = |column: &ArrayRef, row: usize| {
            let hash = column.as_binary::<i32>().value(row).try_into().map(BlockHash);
            hash.map_err(|_| SinkError::BadSegment { path: dir.to_owned() })
        };
        let column = rows.column(0).as_primitive::<Int64Type>().values();
        for (row, height) in column.iter().map(|&height| height as u64).enumerate() {
            if heights.contains(&height) {
                let (hash, parent) = (hash(rows.column(1), row)?, hash(rows.column(2), row)?);
                blocks.push(BlockRef { height, hash, parent });
            }
        }
    }
    Ok(blocks)
}

/// Time in the header of the last block of the segment in `dir`, Unix seconds.
pub(super) fn read_last_time(disk: &dyn Disk, dir: &Path) -> Result<Option<i64>, SinkError> {
    let mut last = None;
    for rows in read_rows(disk, dir, BLOCKS, Some(&["time"]))? {
        let rows = rows?;
        let micros = rows.column(0).as_primitive::<TimestampMicrosecondType>().values();
        last = micros.last().map(|micros| micros.div_euclid(1_000_000)).or(last);
    }
    Ok(last)
}
