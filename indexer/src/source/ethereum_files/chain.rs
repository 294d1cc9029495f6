//! The files of a folder, put together to one chain.
//!
//! # Invariants
//!
//! * Every height from the first to the last is in one file, and the first block of each file is
//!   the child of the last one of the file before.

use std::ops::Range;
use std::path::{Path, PathBuf};

use assay_model::BlockRef;

use super::era1::{self, Era1};
use super::error::{FileError, FileFault};
use super::link::Link;
use super::rlp_files::{self, RlpFile};
use crate::attempt::Attempt;
use crate::progress::{Progress, Unit};
use crate::raw::ethereum::RawBlock;
use crate::source::SourceError;

/// A file of blocks.
#[derive(Debug)]
enum BlockFile {
    Era1(Era1),
    Rlp(RlpFile),
}

/// Files that follow each other.
#[derive(Debug)]
pub struct FileChain {
    /// By height; at least one.
    files: Vec<BlockFile>,
    /// Bytes of all files before each.
    bytes_before: Vec<u64>,
}

impl FileChain {
    /// Puts the files of `dir`, which may be a file itself, together.
    ///
    /// # Errors
    ///
    /// If there are none, one of them is damaged, or they do not follow each other.
    pub fn open(dir: &Path, progress: &dyn Progress) -> Result<FileChain, SourceError> {
        let paths = find(dir)?;
        progress.begin(
            "reading block files",
            paths.iter().map(|path| size(path)).sum(),
            Unit::Bytes,
        );
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            files.push(BlockFile::open(&path, progress)?);
        }
        progress.end();
        check_networks(&files)?;
        // Files of the same heights come by name, so that the message is always the same.
        files.sort_by_key(|file| file.heights().start);
        for pair in files.windows(2) {
            check_pair(&pair[0], &pair[1])?;
        }
        let mut sum = 0;
        let bytes_before = files.iter().map(|file| {
            let before = sum;
            sum += file.bytes_below(file.heights().end);
            before
        });
        let bytes_before = bytes_before.collect();
        Ok(FileChain { files, bytes_before })
    }

    /// The heights of all blocks.
    pub fn heights(&self) -> Range<u64> {
        let (first, last) = (&self.files[0], &self.files[self.files.len() - 1]);
        first.heights().start..last.heights().end
    }

    /// The network that names of archives tell.
    pub fn network(&self) -> Option<&str> {
        self.files.iter().find_map(BlockFile::network)
    }

    /// The last block.
    pub fn tip(&self) -> BlockRef {
        self.files[self.files.len() - 1].ends().1.block
    }

    /// Bytes of all blocks below `height`.
    pub fn bytes_below(&self, height: u64) -> u64 {
        let Range { start, end } = self.heights();
        let height = height.clamp(start, end);
        // The last block's file, for what is behind it.
        let place = self.place_of(height.min(end - 1));
        self.bytes_before[place] + self.files[place].bytes_below(height)
    }

    /// The block at `height`; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn block_at(&self, height: u64) -> Result<Option<BlockRef>, SourceError> {
        if !self.heights().contains(&height) {
            return Ok(None);
        }
        let file = &self.files[self.place_of(height)];
        let link = file.link(height)?;
        let place = || file.path().display().to_string();
        link.check(height, None).map_err(|_| SourceError::Changed { height, place: place() })?;
        Ok(Some(link.block))
    }

    /// The blocks of `heights`, up to the first that cannot be read.
    pub fn fetch(&self, heights: Range<u64>) -> Attempt<Vec<RawBlock>, SourceError> {
        let (mut done, mut previous) = (Vec::new(), None);
        let mut height = heights.start;
        while height < heights.end {
            if !self.heights().contains(&height) {
                return Attempt { done, failure: Some(SourceError::Unknown { height }) };
            }
            let file = &self.files[self.place_of(height)];
            let end = heights.end.min(file.heights().end);
            if let Err(error) = file.read(height..end, &mut previous, &mut done) {
                return Attempt { done, failure: Some(error) };
            }
            height = end;
        }
        Attempt { done, failure: None }
    }

    /// Which file holds the block at `height`, one of this chain's.
    fn place_of(&self, height: u64) -> usize {
        self.files.partition_point(|file| file.heights().end <= height)
    }
}

impl BlockFile {
    fn open(path: &Path, progress: &dyn Progress) -> Result<BlockFile, SourceError> {
        if !is_era1(path) {
            return RlpFile::open(path, progress).map(BlockFile::Rlp);
        }
        let file = Era1::open(path)?;
        progress.advance(file.bytes_below(file.heights().end));
        Ok(BlockFile::Era1(file))
    }

    fn path(&self) -> &Path {
        match self {
            BlockFile::Era1(file) => file.path(),
            BlockFile::Rlp(file) => file.path(),
        }
    }

    fn network(&self) -> Option<&str> {
        match self {
            BlockFile::Era1(file) => Some(file.network()),
            BlockFile::Rlp(_) => None,
        }
    }

    fn heights(&self) -> Range<u64> {
        match self {
            BlockFile::Era1(file) => file.heights(),
            BlockFile::Rlp(file) => file.heights(),
        }
    }

    fn ends(&self) -> (Link, Link) {
        match self {
            BlockFile::Era1(file) => file.ends(),
            BlockFile::Rlp(file) => file.ends(),
        }
    }

    fn bytes_below(&self, height: u64) -> u64 {
        match self {
            BlockFile::Era1(file) => file.bytes_below(height),
            BlockFile::Rlp(file) => file.bytes_below(height),
        }
    }

    fn link(&self, height: u64) -> Result<Link, SourceError> {
        match self {
            BlockFile::Era1(file) => file.link(height),
            BlockFile::Rlp(file) => file.link(height),
        }
    }

    fn read(
        &self,
        heights: Range<u64>,
        previous: &mut Option<Link>,
        blocks: &mut Vec<RawBlock>,
    ) -> Result<(), SourceError> {
        match self {
            BlockFile::Era1(file) => file.read(heights, previous, blocks),
            BlockFile::Rlp(file) => file.read(heights, previous, blocks),
        }
    }

    fn error(&self, fault: FileFault) -> SourceError {
        FileError { path: self.path().to_owned(), offset: None, height: None, fault }.into()
    }
}

/// Bytes of the file at `path` and of the receipts beside it, for progress.
fn size(path: &Path) -> u64 {
    let bytes = |path: &Path| path.metadata().map_or(0, |data| data.len());
    let receipts = if is_era1(path) { 0 } else { bytes(&rlp_files::receipts_path(path)) };
    bytes(path) + receipts
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn is_era1(path: &Path) -> bool {
    name_of(path).ends_with(era1::EXTENSION)
}

/// The files of blocks in `dir`, by name; `dir` itself, if it is a file.
fn find(dir: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let read = |source| SourceError::Read { path: dir.to_owned(), source };
    if !dir.metadata().map_err(read)?.is_dir() {
        // Whoever names a file means it, whatever its ending.
        let is_other = rlp_files::is_receipts(name_of(dir));
        return if is_other { no_files(dir) } else { Ok(vec![dir.to_owned()]) };
    }
    let mut paths = Vec::new();
    for entry in dir.read_dir().map_err(read)? {
        let path = entry.map_err(read)?.path();
        if is_era1(&path) || rlp_files::is_blocks(name_of(&path)) {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() { no_files(dir) } else { Ok(paths) }
}

fn no_files(dir: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let (path, fault) = (dir.to_owned(), FileFault::NoFiles);
    Err(FileError { path, offset: None, height: None, fault }.into())
}

/// Nothing, if all archives are of one network.
fn check_networks(files: &[BlockFile]) -> Result<(), SourceError> {
    let Some(wanted) = files.iter().find_map(BlockFile::network) else { return Ok(()) };
    for file in files {
        if let Some(found) = file.network().filter(|found| *found != wanted) {
            let (wanted, found) = (wanted.to_owned(), found.to_owned());
            return Err(file.error(FileFault::TwoNetworks { wanted, found }));
        }
    }
    Ok(())
}

/// Nothing, if `file` goes on where `before` ends.
fn check_pair(before: &BlockFile, file: &BlockFile) -> Result<(), SourceError> {
    let (missing, found) = (before.heights().end, file.heights().start);
    if found > missing {
        return Err(file.error(FileFault::Gap { missing, found }));
    }
    if found < missing {
        let other = before.path().to_owned();
        return Err(file.error(FileFault::Overlap { height: found, other }));
    }
    let (last, first) = (before.ends().1, file.ends().0);
    first.check(found, Some(&last)).map_err(|fault| {
        let path = file.path().to_owned();
        FileError { path, offset: None, height: Some(found), fault }.into()
    })
}
