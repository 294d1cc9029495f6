//! Segments: what each says of itself against its files and against the rows of its heights.

use std::fs::{self, File};
use std::path::Path;

use assay_model::lake::{SEGMENT_FILE, table_file};
use assay_model::{BlockHash, Table};
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;

use super::check::Check;
use crate::stored::{Segment, StoredChain};

/// The check of a chain's segments.
pub struct Segments<'a> {
    folder: &'a StoredChain,
    /// For each segment, the rows that queries found for its heights, in the order of the tables.
    rows: Vec<Vec<u64>>,
    check: Check,
}

impl<'a> Segments<'a> {
    /// The check of the segments of `folder`: compares them with each other and with their files.
    pub fn of(folder: &'a StoredChain) -> Segments<'a> {
        let tables = folder.chain.tables();
        let rows = vec![vec![0; tables.len()]; folder.segments.len()];
        let description = match folder.dir {
            Some(_) => "every segment's files, rows and hashes are as its segment.json says",
            None => "rows and hashes are as the log says",
        };
        let check = Check::new("segments", description);
        let mut segments = Segments { folder, rows, check };
        // What a lake's first block follows is known of the genesis block alone.
        let mut below = (folder.info.from == 0).then(BlockHash::default);
        for segment in &folder.segments {
            segments.describe(segment, below);
            below = Some(segment.info.last);
            let Some(dir) = &segment.dir else { continue };
            for table in tables {
                segments.file(segment, dir, table);
            }
        }
        segments
    }

    /// What was found so far.
    pub fn so_far(&self) -> &Check {
        &self.check
    }

    /// Compares the segments that begin or end at the height of a block.
    pub fn add_block(&mut self, height: u64, hash: BlockHash, parent: BlockHash) {
        let Some(place) = self.place(height) else { return };
        self.rows[place][0] += 1;
        let Segment { heights, info, .. } = &self.folder.segments[place];
        if heights.start == height && self.folder.dir.is_some() {
            let what = format_args!("parent of the segment");
            self.check.compare(height, what, parent, info.parent);
        }
        if heights.end == height + 1 {
            let what = format_args!("last hash of the segment");
            self.check.compare(height, what, hash, info.last);
            let what = format_args!("hash before the last of the segment");
            self.check.compare(height, what, parent, info.last_parent);
        }
    }

    /// Adds rows of `height` in the table at the place `table` among the chain's.
    pub fn add_rows(&mut self, height: u64, table: usize, count: u64) {
        if let Some(place) = self.place(height) {
            self.rows[place][table] += count;
        }
    }

    /// Compares the rows found with those that the segments should hold. Rows of heights that are
    /// not the segment's are missing here: no query by height finds them.
    pub fn finish(mut self) -> Check {
        for (segment, rows) in self.folder.segments.iter().zip(&self.rows) {
            for (table, &found) in self.folder.chain.tables().iter().zip(rows) {
                let Some(file) = segment.info.tables.get(table.name) else { continue };
                let what = format_args!("rows of {} for the heights of the segment", table.name);
                self.check.compare(segment.heights.start, what, file.rows, found);
            }
        }
        self.check
    }

    /// The segment that holds `height`.
    fn place(&self, height: u64) -> Option<usize> {
        let segments = &self.folder.segments;
        let place = segments.partition_point(|segment| segment.heights.end <= height);
        (place < segments.len()).then_some(place)
    }

    fn describe(&mut self, segment: &Segment, below: Option<BlockHash>) {
        let Segment { heights, info, .. } = segment;
        let (start, log) = (heights.start, self.folder.log);
        let what = format_args!("first height in {log}");
        self.check.compare(start, what, start, info.from);
        let what = format_args!("end in {log}");
        self.check.compare(start, what, heights.end, info.to);
        if let Some(below) = below {
            let what = format_args!("parent in {log}");
            self.check.compare(start, what, below, info.parent);
        }
    }

    /// Compares the file of `table`. A segment that the indexer replaced meanwhile is passed over:
    /// its rows are in another one.
    fn file(&mut self, segment: &Segment, dir: &Path, table: &Table) {
        let (start, name) = (segment.heights.start, table.name);
        let path = dir.join(table_file(name));
        self.check.compared += 1;
        let Some(said) = segment.info.tables.get(name) else {
            let what = format_args!("{name} in {SEGMENT_FILE}");
            return self.check.differ(start, what, "the table", "nothing");
        };
        let shown = path.display();
        let found = size_and_rows(&path);
        if !dir.exists() {
            return;
        }
        match found {
            Ok((bytes, rows)) => {
                self.check.compare(start, format_args!("bytes of '{shown}'"), said.bytes, bytes);
                self.check.compare(start, format_args!("rows of '{shown}'"), said.rows, rows);
            }
            Err(error) => {
                self.check.differ(start, format_args!("'{shown}'"), "a Parquet file", error);
            }
        }
    }
}

fn size_and_rows(path: &Path) -> anyhow::Result<(u64, u64)> {
    let bytes = fs::metadata(path)?.len();
    let reader = SerializedFileReader::new(File::open(path)?)?;
    let rows = reader.metadata().file_metadata().num_rows();
    Ok((bytes, rows.try_into()?))
}
