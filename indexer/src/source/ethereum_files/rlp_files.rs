//! Blocks in plain RLP, one behind the other, as `geth export` writes them; and their receipts in
//! the file beside, one list for each block.
//!
//! # Invariants
//!
//! * Opening reads the headers of all blocks: each is the child of the one before it.
//! * A block comes with as many lists of receipts as there are: one. A block without transactions
//!   needs no file of receipts.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::error::{FileError, FileFault};
use super::file::OpenFile;
use super::items::{Item, Items};
use super::link::{Link, MAX_HEIGHT};
use crate::progress::Progress;
use crate::raw::ethereum::RawBlock;
use crate::rlp::{Header, Reader, RlpError};
use crate::source::SourceError;

/// Bytes of a block's content that are read for its header at first: most have fewer.
const HEADER_GUESS_BYTES: u64 = 1024;
/// A list without items.
const EMPTY_LIST: u8 = 0xc0;

/// How files of blocks end, and how the files of their receipts do.
const ENDINGS: [(&str, &str); 4] = [
    (".block.rlp", ".receipts.rlp"),
    (".rlp", ".receipts.rlp"),
    (".blocks", ".receipts"),
    ("blocks.bin", "receipts.bin"),
];

/// A file of blocks whose places are known.
#[derive(Debug)]
pub struct RlpFile {
    path: PathBuf,
    first_height: u64,
    /// Where each block begins; behind the last one, where that ends.
    offsets: Vec<u64>,
    receipts: Receipts,
    ends: (Link, Link),
}

/// Where the receipts of a file of blocks are.
#[derive(Debug)]
struct Receipts {
    path: PathBuf,
    /// Where each list begins, and where the last one ends; `None` if there is no such file.
    offsets: Option<Vec<u64>>,
}

/// Whether `name` is that of a file of blocks.
pub fn is_blocks(name: &str) -> bool {
    !is_receipts(name) && ENDINGS.iter().any(|(ending, _)| name.ends_with(ending))
}

/// Whether `name` is that of a file of receipts.
pub fn is_receipts(name: &str) -> bool {
    ENDINGS.iter().any(|(_, ending)| name.ends_with(ending))
}

/// The file that would hold the receipts of the blocks in the file at `path`.
pub fn receipts_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let renamed = ENDINGS.iter().find_map(|(blocks, receipts)| {
        name.strip_suffix(blocks).map(|stem| format!("{stem}{receipts}"))
    });
    path.with_file_name(renamed.unwrap_or_else(|| format!("{name}.receipts")))
}

impl RlpFile {
    /// Finds the blocks in the file at `path`, and the receipts in the one beside it.
    ///
    /// # Errors
    ///
    /// If there are none, one is damaged or does not follow the one before it, or there is another
    /// number of lists of receipts.
    pub fn open(path: &Path, progress: &dyn Progress) -> Result<RlpFile, SourceError> {
        let file = OpenFile::open(path)?;
        let mut items = Items::new(&file, "block", progress);
        let mut offsets = Vec::new();
        let mut ends: Option<(Link, Link)> = None;
        while let Some(item) = items.next()? {
            let link = read_link(&mut items, item)
                .map_err(|error| error.into_source_error(&file, item.offset))?;
            let height = ends.map_or(link.block.height, |(_, last)| last.block.height + 1);
            let last = ends.as_ref().map(|(_, last)| last);
            link.check(height, last)
                .map_err(|fault| file.error(item.offset, fault).of_block(height))?;
            ends = Some((ends.map_or(link, |(first, _)| first), link));
            offsets.push(item.offset);
        }
        let ends = ends.ok_or_else(|| file.error(0, FileFault::Empty))?;
        offsets.push(file.length());
        let receipts = Receipts::find(path, offsets.len() as u64 - 1, progress)?;
        let (path, first_height) = (path.to_owned(), ends.0.block.height);
        Ok(RlpFile { path, first_height, offsets, receipts, ends })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The heights of its blocks.
    pub fn heights(&self) -> Range<u64> {
        self.first_height..self.first_height + self.offsets.len() as u64 - 1
    }

    /// The first and the last block.
    pub fn ends(&self) -> (Link, Link) {
        self.ends
    }

    /// Bytes of the blocks below `height`, which is at most one more than the last, and of their
    /// receipts.
    pub fn bytes_below(&self, height: u64) -> u64 {
        let at = (height - self.first_height) as usize;
        self.offsets[at] + self.receipts.offsets.as_ref().map_or(0, |offsets| offsets[at])
    }

    /// The place of the block at `height` in the chain.
    ///
    /// # Errors
    ///
    /// If its header is not what it was.
    pub fn link(&self, height: u64) -> Result<Link, SourceError> {
        let file = OpenFile::open(&self.path)?;
        let at = (height - self.first_height) as usize;
        self.read_block(&file, at).map(|(link, _, _)| link)
    }

    /// Appends the blocks of `heights`, all of them in the file, to `blocks`; the first follows
    /// `previous`, if that is known, and the last is put in its place.
    ///
    /// # Errors
    ///
    /// If a block is not what it was, does not follow, or has no receipts. What comes before is
    /// appended.
    pub fn read(
        &self,
        heights: Range<u64>,
        previous: &mut Option<Link>,
        blocks: &mut Vec<RawBlock>,
    ) -> Result<(), SourceError> {
        let file = OpenFile::open(&self.path)?;
        let receipts_file = match &self.receipts.offsets {
            Some(_) => Some(OpenFile::open(&self.receipts.path)?),
            None => None,
        };
        for height in heights {
            let at = (height - self.first_height) as usize;
            let offset = self.offsets[at];
            let place = format!("{}, offset {offset}", self.path.display());
            let (link, bytes, is_empty) = self.read_block(&file, at)?;
            link.check(height, previous.as_ref())
                .map_err(|_| SourceError::Changed { height, place: place.clone() })?;
            let receipts = match (&receipts_file, &self.receipts.offsets) {
                (Some(file), Some(offsets)) => {
                    let mut receipts = Vec::new();
                    file.read(offsets[at], offsets[at + 1], "list of receipts", &mut receipts)?;
                    receipts
                }
                _ if is_empty => vec![EMPTY_LIST],
                _ => {
                    let fault = FileFault::NoReceipts { wanted: self.receipts.path.clone() };
                    return Err(file.error(offset, fault).of_block(height).into());
                }
            };
            blocks.push(RawBlock::new(link.block, bytes, receipts, place));
            *previous = Some(link);
        }
        Ok(())
    }

    /// The block number `at` of the file, and whether it has no transactions.
    fn read_block(
        &self,
        file: &OpenFile<'_>,
        at: usize,
    ) -> Result<(Link, Vec<u8>, bool), SourceError> {
        let (offset, end) = (self.offsets[at], self.offsets[at + 1]);
        let mut bytes = Vec::new();
        file.read(offset, end, "block", &mut bytes)?;
        let read = || {
            let mut reader = Reader::new(&bytes);
            let mut fields = reader.list()?;
            reader.end("block")?;
            let link = Link::new(&Header::read(&mut fields)?, None);
            Ok((link, fields.list()?.is_empty()))
        };
        let (link, is_empty) = read().map_err(|error: RlpError| {
            let fault = FileFault::Rlp { what: "block", error };
            file.error(offset, fault).of_block(self.first_height + at as u64)
        })?;
        Ok((link, bytes, is_empty))
    }
}

impl Receipts {
    /// Finds the receipts of the `count` blocks in the file at `path`.
    fn find(path: &Path, count: u64, progress: &dyn Progress) -> Result<Receipts, SourceError> {
        let blocks = path.to_owned();
        let path = receipts_path(path);
        if !path.exists() {
            return Ok(Receipts { path, offsets: None });
        }
        let offsets = {
            let file = OpenFile::open(&path)?;
            let mut items = Items::new(&file, "list of receipts", progress);
            let mut offsets = Vec::new();
            while let Some(item) = items.next()? {
                offsets.push(item.offset);
            }
            let found = offsets.len() as u64;
            if found != count {
                let fault = FileFault::ReceiptLists { blocks, wanted: count, found };
                return Err(file.error(file.length(), fault).into());
            }
            offsets.push(file.length());
            offsets
        };
        Ok(Receipts { path, offsets: Some(offsets) })
    }
}

/// Why the header of a block cannot be read.
enum LinkError {
    Source(SourceError),
    Rlp(RlpError),
}

impl LinkError {
    fn into_source_error(self, file: &OpenFile<'_>, offset: u64) -> SourceError {
        let error: FileError = match self {
            LinkError::Source(error) => return error,
            LinkError::Rlp(error) => file.error(offset, FileFault::Rlp { what: "header", error }),
        };
        error.into()
    }
}

/// Reads the header of the block `item`.
fn read_link(items: &mut Items<'_>, item: Item) -> Result<Link, LinkError> {
    let guess = item.end.min(item.content + HEADER_GUESS_BYTES);
    for end in [guess, item.end] {
        let bytes = items.bytes(item.content, end).map_err(LinkError::Source)?;
        match Header::read(&mut Reader::new(bytes)) {
            Ok(header) if header.height > MAX_HEIGHT => {
                return Err(LinkError::Rlp(RlpError::TooLarge { at: 0 }));
            }
            Ok(header) => return Ok(Link::new(&header, None)),
            // The header may be longer than was guessed.
            Err(RlpError::Short { .. }) if end < item.end => {}
            Err(error) => return Err(LinkError::Rlp(error)),
        }
    }
    Err(LinkError::Rlp(RlpError::Short { at: 0 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_lie_beside_their_blocks() {
        for (blocks, receipts) in [
            ("1.block.rlp", "1.receipts.rlp"),
            ("chain.rlp", "chain.receipts.rlp"),
            ("1-2.blocks", "1-2.receipts"),
            ("blocks.bin", "receipts.bin"),
        ] {
            let path = Path::new("folder").join(blocks);
            assert_eq!(receipts_path(&path), Path::new("folder").join(receipts));
            assert!(is_blocks(blocks) && !is_blocks(receipts));
            assert!(is_receipts(receipts) && !is_receipts(blocks));
        }
        assert_eq!(receipts_path(Path::new("export")), Path::new("export.receipts"));
        assert!(!is_blocks("genesis.json") && !is_blocks("chain.rlp.gz"));
    }
}
