//! Segments made of others: merged, or cut short.
//!
//! What comes out is what one run over the same blocks writes, byte for byte: rows are put into the
//! batches that they would have come in.

use std::ops::Range;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use assay_model::lake::{SegmentInfo, table_file};
use assay_model::{BlockHash, BlockRef, Table};

use super::segment::{OpenSegment, StagedSegment};
use super::{Inner, encoding};
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
    pub lake: &'a Inner,
    /// What it is made of: segments that follow each other.
    pub sources: &'a [SegmentInfo],
    /// The heights that it is to have: all of the sources', or the first of them.
    pub heights: Range<u64>,
    /// Bytes of block data below it.
    pub bytes_below: u64,
}

impl Rebuild<'_> {
    /// Writes the segment to the staging folder `name`.
    pub fn run(&self, name: &str) -> Result<StagedSegment, SinkError> {
        let blocks = self.blocks()?;
        let (Some((first, _)), Some((last, _))) = (blocks.first(), blocks.last()) else {
            let path = self.lake.dir.join(self.sources[0].dir());
            return Err(SinkError::BadSegment { path });
        };
        let ends = self.batch_ends(&blocks);
        let disk = &*self.lake.disk;
        let mut open = self.lake.encoder.begin(disk, self.lake.staging(name), *first)?;
        for place in 0..self.lake.chain.tables().len() {
            self.copy_table(place, &ends, &mut open)?;
        }
        open.ends_with(*last, blocks.iter().map(|(_, size)| size).sum());
        open.finish(disk)
    }

    /// The blocks, and the size of each, bytes.
    fn blocks(&self) -> Result<Vec<(BlockRef, u64)>, SinkError> {
        let mut blocks = Vec::new();
        for source in self.sources {
            blocks.extend(read_blocks(self.lake, source, &self.heights)?);
        }
        Ok(blocks)
    }

    /// Where the batches end that `blocks`, with their sizes, come in: the height after the last of
    /// each.
    fn batch_ends(&self, blocks: &[(BlockRef, u64)]) -> Vec<u64> {
        let mut before = self.bytes_below;
        let mut ends = Vec::new();
        for (BlockRef { height, .. }, size) in blocks {
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
            for rows in read_rows(self.lake, source, table, None)? {
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

/// The rows of `table` in `segment`, `columns` of them or all.
fn read_rows(
    lake: &Inner,
    segment: &SegmentInfo,
    table: &Table,
    columns: Option<&[&str]>,
) -> Result<impl Iterator<Item = Result<RecordBatch, SinkError>>, SinkError> {
    let path = lake.dir.join(segment.dir()).join(table_file(table.name));
    let file = lake.disk.read(&path).map_err(SinkError::io("read", &path))?;
    let rows = encoding::read(file, table, columns).map_err(SinkError::parquet("read", &path))?;
    Ok(rows.map(move |rows| rows.map_err(SinkError::parquet("read", &path))))
}

/// The blocks of `segment` with heights in `heights`, and the size of each, bytes.
pub(super) fn read_blocks(
    lake: &Inner,
    segment: &SegmentInfo,
    heights: &Range<u64>,
) -> Result<Vec<(BlockRef, u64)>, SinkError> {
    let columns = ["height", "hash", "parent_hash", "size"];
    let bad_segment = || SinkError::BadSegment { path: lake.dir.join(segment.dir()) };
    let hash = |column: &ArrayRef, row: usize| {
        let hash = column.as_binary::<i32>().value(row).try_into().map(BlockHash);
        hash.map_err(|_| bad_segment())
    };
    let mut blocks = Vec::new();
    for rows in read_rows(lake, segment, lake.chain.blocks(), Some(&columns))? {
        let rows = rows?;
        let column = |name| rows.column_by_name(name).ok_or_else(bad_segment);
        let (hashes, parents) = (column("hash")?, column("parent_hash")?);
        let sizes = column("size")?.as_primitive::<Int64Type>().values();
        let found = column("height")?.as_primitive::<Int64Type>().values();
        for (row, height) in found.iter().map(|&height| height as u64).enumerate() {
            if heights.contains(&height) {
                let (hash, parent) = (hash(hashes, row)?, hash(parents, row)?);
                blocks.push((BlockRef { height, hash, parent }, sizes[row] as u64));
            }
        }
    }
    Ok(blocks)
}

/// Time in the header of the last block of `segment`, Unix seconds.
pub(super) fn read_last_time(
    lake: &Inner,
    segment: &SegmentInfo,
) -> Result<Option<i64>, SinkError> {
    let mut last = None;
    for rows in read_rows(lake, segment, lake.chain.blocks(), Some(&["time"]))? {
        let rows = rows?;
        let micros = rows.column(0).as_primitive::<TimestampMicrosecondType>().values();
        last = micros.last().map(|micros| micros.div_euclid(1_000_000)).or(last);
    }
    Ok(last)
}
