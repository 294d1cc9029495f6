//! Someone who reads the lake while it is written, as the query layer does, and believes nothing.
//!
//! # What it checks
//!
//! * At every moment: the segments that the manifest names can be read, hold what they say, and make
//!   up one chain without a gap from the genesis block on, of blocks that the node had.
//! * From one manifest to the next: blocks are added at the end, or taken away there with a record of
//!   it, or nothing visible changes.
//! * What was promised to be durable is there after the power failed.
//! * A snapshot can be read to its end for as long as segments are kept after they were replaced.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use assay_fixtures::rng::Rng;
use assay_indexer::sink::lake::KEEP_REPLACED;
use assay_model::lake::{
    MANIFEST_FILE, Manifest, REPLACED_DIR, Reorg, SEGMENT_FILE, SegmentInfo, table_file,
};
use assay_model::{BlockHash, BlockRef, Chain};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::files::Files;
use super::source::Node;

/// Snapshots that are held at the same time.
const SNAPSHOTS: usize = 3;

/// The files of a segment, by name.
pub type SegmentFiles = BTreeMap<String, Bytes>;

/// Reads the lake in a folder.
pub struct Reader {
    chain_dir: PathBuf,
    node: Arc<Node>,
    rng: Rng,
    /// What the manifest said when it was last read, the segments that it named, and what it means.
    text: Option<Bytes>,
    names: Vec<String>,
    visible: Visible,
    /// The blocks of segments that were read before, by name.
    segments: HashMap<String, (Bytes, Arc<Vec<BlockRef>>)>,
    seen: HashSet<BlockHash>,
    snapshots: Vec<Snapshot>,
    /// What was durable for sure at some time, and every manifest since.
    possible: Vec<Option<Bytes>>,
    fault: Option<String>,
}

/// What a manifest makes visible.
#[derive(Clone, Default)]
pub struct Visible {
    /// Every block.
    pub blocks: Vec<BlockRef>,
    /// What was taken back.
    pub reorgs: Vec<Reorg>,
}

struct Snapshot {
    taken: SystemTime,
    segments: Vec<(String, SegmentFiles)>,
}

impl Reader {
    /// Reads the lake in `lake_dir`, which holds blocks of `node`.
    pub fn new(lake_dir: &Path, node: Arc<Node>, seed: u64) -> Reader {
        Reader {
            chain_dir: lake_dir.join(Chain::Bitcoin.name()),
            node,
            rng: Rng::new(seed),
            text: None,
            names: Vec::new(),
            visible: Visible::default(),
            segments: HashMap::new(),
            seen: HashSet::new(),
            snapshots: Vec::new(),
            possible: vec![None],
            fault: None,
        }
    }

    /// Expects blocks of `node` from now on.
    pub fn replace_node(&mut self, node: Arc<Node>) {
        self.node = node;
    }

    /// What is visible.
    pub fn visible(&self) -> &Visible {
        &self.visible
    }

    /// What was found wrong first.
    pub fn fault(&self) -> Option<String> {
        self.fault.clone()
    }

    /// Reads what is there; `now` is the time.
    pub fn look(&mut self, files: &Files, now: SystemTime) {
        if self.fault.is_none()
            && let Err(fault) = self.check(files, now)
        {
            self.fault = Some(fault);
        }
    }

    /// What is visible now is durable.
    pub fn promise(&mut self) {
        self.possible = vec![self.text.clone()];
    }

    /// Reads what is there after the power failed.
    pub fn look_after_loss(&mut self, files: &Files, now: SystemTime) {
        self.snapshots.clear();
        let text = match read(&self.chain_dir.join(MANIFEST_FILE), files) {
            Ok(text) => text,
            Err(fault) => return self.fault = Some(fault),
        };
        if !self.possible.contains(&text) {
            let fault = "what was durable is gone".to_owned();
            self.fault.get_or_insert(fault);
            return;
        }
        self.possible = vec![text];
        self.text = None;
        self.names.clear();
        self.visible = Visible::default();
        self.look(files, now);
    }

    /// The files of all segments that are visible.
    pub fn all_files(&self, files: &Files) -> Result<Vec<(String, SegmentFiles)>, String> {
        self.segment_files(&self.names, files)
    }

    fn check(&mut self, files: &Files, now: SystemTime) -> Result<(), String> {
        let text = read(&self.chain_dir.join(MANIFEST_FILE), files)?;
        if text != self.text {
            let (names, visible) = self.read_lake(text.as_deref(), files)?;
            if self.text.is_some() {
                check_change(&self.visible, &visible)?;
            }
            self.check_reorgs(&visible)?;
            self.seen.extend(visible.blocks.iter().map(|block| block.hash));
            (self.names, self.visible) = (names, visible);
            self.text = text.clone();
            self.possible.push(text);
        } else {
            // Segments are moved while the manifest stays.
            self.segment_files(&self.names, files)?;
        }
        self.check_snapshots(files, now)
    }

    /// The files of the segments of these `names`.
    fn segment_files(
        &self,
        names: &[String],
        files: &Files,
    ) -> Result<Vec<(String, SegmentFiles)>, String> {
        let tables = Chain::Bitcoin.tables().iter().map(|table| table_file(table.name));
        let tables: Vec<String> = tables.chain([SEGMENT_FILE.to_owned()]).collect();
        let segment = |segment: &String| {
            let read = |name: &String| {
                self.read_file(segment, name, files).map(|content| (name.clone(), content))
            };
            let content = tables.iter().map(read).collect::<Result<_, String>>()?;
            Ok((segment.clone(), content))
        };
        names.iter().map(segment).collect()
    }

    /// A file of a segment, put aside or not.
    fn read_file(&self, segment: &str, name: &str, files: &Files) -> Result<Bytes, String> {
        let place = self.chain_dir.join(segment).join(name);
        let aside = self.chain_dir.join(REPLACED_DIR).join(segment).join(name);
        let content = files.read(&place).or_else(|_| files.read(&aside));
        content.map_err(|error| format!("{segment}/{name} cannot be read: {error}"))
    }

    /// The segments that the manifest `text` names, and what it makes visible.
    fn read_lake(
        &mut self,
        text: Option<&[u8]>,
        files: &Files,
    ) -> Result<(Vec<String>, Visible), String> {
        let Some(text) = text else { return Ok(Default::default()) };
        let (manifest, heights) = Manifest::read(text, 0).map_err(|error| error.to_string())?;
        let mut blocks: Vec<BlockRef> = Vec::new();
        let segments = self.segment_files(&manifest.segments, files)?;
        for ((name, content), heights) in segments.into_iter().zip(heights) {
            let found = self.read_segment(&name, &content)?;
            for (block, height) in found.iter().zip(heights.clone()) {
                let parent = blocks.last().map_or(BlockHash::default(), |below| below.hash);
                if block.height != height || block.parent != parent || !self.node.knows(block) {
                    return Err(format!("{name}: {block:?} stands at height {height}"));
                }
                blocks.push(*block);
            }
            if blocks.len() as u64 != heights.end || found.len() as u64 > heights.end {
                return Err(format!("{name} has blocks of other heights"));
            }
        }
        Ok((manifest.segments, Visible { blocks, reorgs: manifest.reorgs }))
    }

    fn read_segment(
        &mut self,
        name: &str,
        content: &SegmentFiles,
    ) -> Result<Arc<Vec<BlockRef>>, String> {
        let file = &content[&table_file("blocks")];
        if let Some((known, blocks)) = self.segments.get(name)
            && known == file
        {
            return Ok(Arc::clone(blocks));
        }
        let wrong = |error: &dyn std::fmt::Display| format!("{name}: {error}");
        let info: SegmentInfo =
            serde_json::from_slice(&content[SEGMENT_FILE]).map_err(|error| wrong(&error))?;
        for (table, file) in &info.tables {
            if content[&table_file(table)].len() as u64 != file.bytes {
                return Err(wrong(&format!("{table} has another size")));
            }
        }
        let blocks = read_blocks(file.clone()).map_err(|error| wrong(&error))?;
        let ends = blocks.first().zip(blocks.last());
        let said = (info.from, info.to - 1, info.parent, info.last, info.last_parent);
        let found = ends.map(|(a, z)| (a.height, z.height, a.parent, z.hash, z.parent));
        if info.dir() != name || found != Some(said) {
            return Err(wrong(&"it is not what it says"));
        }
        let blocks = Arc::new(blocks);
        self.segments.insert(name.to_owned(), (file.clone(), Arc::clone(&blocks)));
        Ok(blocks)
    }

    /// That whatever was taken back was visible before, and is told in order.
    fn check_reorgs(&self, visible: &Visible) -> Result<(), String> {
        for reorg in &visible.reorgs {
            let mut height = reorg.common.height;
            for block in &reorg.replaced {
                height += 1;
                if block.height != height || !self.seen.contains(&block.hash) {
                    return Err(format!("{block:?} was never there to be taken back"));
                }
            }
        }
        Ok(())
    }

    fn check_snapshots(&mut self, files: &Files, now: SystemTime) -> Result<(), String> {
        let is_kept = |snapshot: &Snapshot| {
            now.duration_since(snapshot.taken).is_ok_and(|age| age <= KEEP_REPLACED)
        };
        self.snapshots.retain(is_kept);
        for (name, content) in self.snapshots.iter().flat_map(|snapshot| &snapshot.segments) {
            for (file, content) in content {
                if self.read_file(name, file, files)? != content {
                    return Err(format!("{name}/{file} changed"));
                }
            }
        }
        if self.snapshots.len() < SNAPSHOTS && !self.names.is_empty() && self.rng.chance(100) {
            let segments = self.segment_files(&self.names, files)?;
            self.snapshots.push(Snapshot { taken: now, segments });
        }
        Ok(())
    }
}

/// That blocks were added or taken away at the end alone, and that what was taken away is told.
fn check_change(before: &Visible, after: &Visible) -> Result<(), String> {
    let both = before.blocks.iter().zip(&after.blocks);
    let common = both.take_while(|(before, after)| before == after).count();
    let gone = &before.blocks[common..];
    let told = after.reorgs.strip_prefix(&before.reorgs[..]).ok_or("a record of before is gone")?;
    let is_good = match told {
        [] => gone.is_empty(),
        [reorg] => {
            let replaced = reorg.replaced.iter().map(|block| (block.height, block.hash));
            after.blocks.len() == common
                && after.blocks.last() == Some(&reorg.common)
                && replaced.eq(gone.iter().map(|block| (block.height, block.hash)))
        }
        _ => false,
    };
    match is_good {
        true => Ok(()),
        false => Err(format!("{} blocks went, and {} reorgs were told", gone.len(), told.len())),
    }
}

/// The content of the file at `path`; `None` if there is none.
fn read(path: &Path, files: &Files) -> Result<Option<Bytes>, String> {
    match files.read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

fn read_blocks(file: Bytes) -> io::Result<Vec<BlockRef>> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let columns = ["height", "hash", "parent_hash"];
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns);
    let mut blocks = Vec::new();
    for rows in builder.with_projection(mask).build()? {
        let rows = rows.map_err(io::Error::other)?;
        let heights = rows.column(0).as_primitive::<Int64Type>().values();
        for (row, height) in heights.iter().enumerate() {
            let (hash, parent) = (hash(&rows, 1, row)?, hash(&rows, 2, row)?);
            blocks.push(BlockRef { height: *height as u64, hash, parent });
        }
    }
    Ok(blocks)
}

fn hash(rows: &RecordBatch, column: usize, row: usize) -> io::Result<BlockHash> {
    let bytes = rows.column(column).as_binary::<i32>().value(row);
    bytes.try_into().map(BlockHash).map_err(io::Error::other)
}
