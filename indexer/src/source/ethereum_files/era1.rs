//! Archives of blocks before the merge: era1 files.
//!
//! ```text
//! era1  = version, block…, accumulator, index          each an entry of an e2store
//! block = header, body, receipts, total difficulty     the first three packed with snappy
//! ```
//!
//! # Invariants
//!
//! * Opening reads the ends of the file and its first and last header; fetching reads the blocks
//!   that are asked for, and, with the last of the file, the headers that nobody asked for.
//! * When the last block of a file comes out, the file's accumulator has been computed from all its
//!   headers and is the one in the file and in its name. It is done then, and not when the file is
//!   opened, so that a run begins at once however many archives there are; every block before has
//!   been checked against its own hash and its parent's.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use alloy_primitives::{B256, U256};

use super::accumulator::{self, MAX_BLOCKS};
use super::e2store::{ENTRY_HEADER_BYTES, Kind, Unpacker, content_length};
use super::error::FileFault;
use super::file::OpenFile;
use super::link::{Link, MAX_HEIGHT};
use crate::raw::ethereum::RawBlock;
use crate::rlp::{Header, Reader};
use crate::source::SourceError;

/// End of the names of archives.
pub const EXTENSION: &str = ".era1";

/// Most bytes of a header, unpacked.
const MAX_HEADER_BYTES: u64 = 1 << 16;
/// Most bytes of a body or of receipts, unpacked. A block of 30 million gas holds 7.5 MB of zeros
/// as call data, or a third of that as logs.
const MAX_UNPACKED_BYTES: u64 = 64 << 20;
/// Most bytes of a block in a file.
const MAX_BLOCK_BYTES: u64 = 128 << 20;
/// Bytes of the accumulator's entry.
const ACCUMULATOR_BYTES: u64 = ENTRY_HEADER_BYTES + 32;
/// Bytes of a total difficulty's entry.
const TOTAL_DIFFICULTY_BYTES: u64 = ENTRY_HEADER_BYTES + 32;
/// Fewest bytes of a block: four entries, three of them without content.
const MIN_BLOCK_BYTES: u64 = 3 * ENTRY_HEADER_BYTES + TOTAL_DIFFICULTY_BYTES;
/// Bytes that are read for a header at first: most have fewer.
const HEADER_GUESS_BYTES: u64 = 1024;

/// An archive whose index is known.
#[derive(Debug)]
pub struct Era1 {
    path: PathBuf,
    name: Name,
    first_height: u64,
    /// Where each block begins; behind the last one, where that ends.
    offsets: Vec<u64>,
    accumulator: B256,
    /// Whether the accumulator is known to be that of the blocks.
    is_proven: AtomicBool,
    /// By block, what was read of it, until the accumulator is proven; empty before the first.
    seen: Mutex<Vec<Option<Link>>>,
    ends: (Link, Link),
}

/// What the name of an archive says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    network: String,
    epoch: u64,
    hash: [u8; 4],
}

impl Name {
    /// Reads `<network>-<epoch>-<hash>.era1`.
    fn of(path: &Path) -> Option<Name> {
        let stem = path.file_name()?.to_str()?.strip_suffix(EXTENSION)?;
        let (rest, hash) = stem.rsplit_once('-')?;
        let (network, epoch) = rest.rsplit_once('-')?;
        let hash = assay_model::hex::decode(hash)?.try_into().ok()?;
        Some(Name { network: network.to_owned(), epoch: epoch.parse().ok()?, hash })
    }
}

/// What reading blocks needs again and again.
pub struct Buffers {
    unpacker: Unpacker,
    packed: Vec<u8>,
    header: Vec<u8>,
    body: Vec<u8>,
}

impl Buffers {
    /// Empty buffers.
    pub fn new() -> Buffers {
        let (packed, header, body) = (Vec::new(), Vec::new(), Vec::new());
        Buffers { unpacker: Unpacker::new(), packed, header, body }
    }
}

impl Era1 {
    /// Reads the index of the archive at `path`.
    ///
    /// # Errors
    ///
    /// If it is none, or not whole, or its name is another's.
    pub fn open(path: &Path) -> Result<Era1, SourceError> {
        let file = OpenFile::open(path)?;
        let name = Name::of(path).ok_or_else(|| file.error(0, FileFault::BadName))?;
        check_version(&file)?;
        let (first_height, offsets) = read_index(&file)?;
        let end = offsets[offsets.len() - 1];
        let accumulator = read_word(&file, end, Kind::Accumulator)?;
        if first_height / MAX_BLOCKS != name.epoch || first_height % MAX_BLOCKS != 0 {
            let wanted = name.epoch.saturating_mul(MAX_BLOCKS);
            let fault = FileFault::NameEpoch { wanted, found: first_height };
            return Err(file.error(end + ACCUMULATOR_BYTES, fault).into());
        }
        if accumulator[..4] != name.hash {
            let fault = FileFault::NameHash { wanted: name.hash, found: accumulator };
            return Err(file.error(end, fault).into());
        }
        let path = path.to_owned();
        let (is_proven, seen) = (AtomicBool::new(false), Mutex::default());
        let buffers = &mut Buffers::new();
        let first = link_at(&file, first_height, &offsets, 0, buffers)?;
        let last = link_at(&file, first_height, &offsets, offsets.len() - 2, buffers)?;
        let ends = (first, last);
        Ok(Era1 { path, name, first_height, offsets, accumulator, is_proven, seen, ends })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The network in its name.
    pub fn network(&self) -> &str {
        &self.name.network
    }

    /// The heights of its blocks.
    pub fn heights(&self) -> Range<u64> {
        self.first_height..self.first_height + self.offsets.len() as u64 - 1
    }

    /// The first and the last block.
    pub fn ends(&self) -> (Link, Link) {
        self.ends
    }

    /// Bytes of the blocks below `height`, which is at most one more than the last.
    pub fn bytes_below(&self, height: u64) -> u64 {
        self.offsets[(height - self.first_height) as usize] - self.offsets[0]
    }

    /// The place of the block at `height` in the chain.
    ///
    /// # Errors
    ///
    /// If its header is damaged.
    pub fn link(&self, height: u64) -> Result<Link, SourceError> {
        let file = OpenFile::open(&self.path)?;
        let at = (height - self.first_height) as usize;
        link_at(&file, self.first_height, &self.offsets, at, &mut Buffers::new())
    }

    /// Appends the blocks of `heights`, all of them in the file, to `blocks`; the first follows
    /// `previous`, if that is known, and the last is put in its place.
    ///
    /// # Errors
    ///
    /// If a block is damaged or does not follow, or if the last of the file is among them and the
    /// accumulator is not that of its blocks. What comes before is appended.
    pub fn read(
        &self,
        heights: Range<u64>,
        previous: &mut Option<Link>,
        blocks: &mut Vec<RawBlock>,
    ) -> Result<(), SourceError> {
        let file = OpenFile::open(&self.path)?;
        let mut buffers = Buffers::new();
        for height in heights {
            let at = (height - self.first_height) as usize;
            let (link, block) = self.read_block(&file, at, &mut buffers)?;
            link.check(height, previous.as_ref())
                .map_err(|fault| file.error(self.offsets[at], fault).of_block(height))?;
            self.remember(at, link);
            if height + 1 == self.heights().end {
                self.prove(&file, &mut buffers)?;
            }
            blocks.push(block);
            *previous = Some(link);
        }
        Ok(())
    }

    fn read_block(
        &self,
        file: &OpenFile<'_>,
        at: usize,
        buffers: &mut Buffers,
    ) -> Result<(Link, RawBlock), SourceError> {
        let (offset, end) = (self.offsets[at], self.offsets[at + 1]);
        let height = self.first_height + at as u64;
        let Buffers { unpacker, packed, header, body } = buffers;
        let fail = |(offset, fault)| file.error(offset, fault).of_block(height);
        if end - offset > MAX_BLOCK_BYTES {
            let fault = FileFault::TooLarge { what: "block", max: MAX_BLOCK_BYTES };
            return Err(fail((offset, fault)).into());
        }
        packed.clear();
        file.read(offset, end, "block", packed)?;
        let mut receipts = Vec::new();
        let mut entries = Entries { bytes: packed, at: 0, offset };
        entries.unpack(Kind::Header, MAX_HEADER_BYTES, unpacker, header).map_err(fail)?;
        entries.unpack(Kind::Body, MAX_UNPACKED_BYTES, unpacker, body).map_err(fail)?;
        entries
            .unpack(Kind::Receipts, MAX_UNPACKED_BYTES, unpacker, &mut receipts)
            .map_err(fail)?;
        let total_difficulty = entries.word(Kind::TotalDifficulty).map_err(fail)?;
        entries.end().map_err(fail)?;
        let total_difficulty = Some(U256::from_le_bytes(total_difficulty.0));
        let link = read_header(header, total_difficulty).map_err(|fault| fail((offset, fault)))?;
        let bytes = join(header, body).map_err(|fault| fail((offset, fault)))?;
        let place = format!("{}, offset {offset}", self.path.display());
        let block = RawBlock::new(link.block, bytes, receipts, place);
        Ok((link, block))
    }

    /// Keeps the place in the chain of the block number `at`, for the accumulator.
    fn remember(&self, at: usize, link: Link) {
        if self.is_proven.load(Ordering::Relaxed) {
            return;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.is_empty() {
            seen.resize(self.offsets.len() - 1, None);
        }
        seen[at] = Some(link);
    }

    /// Checks the accumulator against all headers, unless that is done.
    fn prove(&self, file: &OpenFile<'_>, buffers: &mut Buffers) -> Result<(), SourceError> {
        if self.is_proven.load(Ordering::Relaxed) {
            return Ok(());
        }
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        let mut leaves = Vec::with_capacity(self.offsets.len() - 1);
        let mut previous: Option<Link> = None;
        for (at, height) in self.heights().enumerate() {
            let link = match seen.get(at).copied().flatten() {
                Some(link) => link,
                None => link_at(file, self.first_height, &self.offsets, at, buffers)?,
            };
            link.check(height, previous.as_ref())
                .map_err(|fault| file.error(self.offsets[at], fault).of_block(height))?;
            let total_difficulty = link.total_difficulty.unwrap_or_default();
            leaves.push(accumulator::leaf(link.block.hash.0, total_difficulty));
            previous = Some(link);
        }
        match accumulator::root(leaves) {
            found if found == self.accumulator => {
                self.is_proven.store(true, Ordering::Relaxed);
                Ok(())
            }
            found => {
                let fault = FileFault::Accumulator { wanted: self.accumulator, found };
                Err(file.error(self.offsets[self.offsets.len() - 1], fault).into())
            }
        }
    }
}

/// The entries of one block: `bytes`, which stand at `offset` of the file.
struct Entries<'a> {
    bytes: &'a [u8],
    at: usize,
    offset: u64,
}

impl<'a> Entries<'a> {
    /// Content of the next entry, a `kind`; on failure where it stands, and what is wrong with it.
    fn next(&mut self, kind: Kind) -> Result<&'a [u8], (u64, FileFault)> {
        let offset = self.offset + self.at as u64;
        let wanted = self.offset + self.bytes.len() as u64;
        let beyond = |found| (offset, FileFault::IndexElsewhere { wanted, found });
        let rest = &self.bytes[self.at..];
        let (header, rest) =
            rest.split_first_chunk().ok_or_else(|| beyond(offset + ENTRY_HEADER_BYTES))?;
        let length = content_length(header, kind).map_err(|fault| (offset, fault))?;
        let content = usize::try_from(length).ok().and_then(|length| rest.get(..length));
        let content = content.ok_or_else(|| beyond(offset + ENTRY_HEADER_BYTES + length))?;
        self.at += header.len() + content.len();
        Ok(content)
    }

    /// Unpacks the next entry, a `kind`.
    fn unpack(
        &mut self,
        kind: Kind,
        max: u64,
        unpacker: &mut Unpacker,
        unpacked: &mut Vec<u8>,
    ) -> Result<(), (u64, FileFault)> {
        let offset = self.offset + self.at as u64;
        let content = self.next(kind)?;
        unpacker.unpack(content, kind.name(), max, unpacked).map_err(|fault| (offset, fault))
    }

    /// The next entry, a `kind` of 32 bytes.
    fn word(&mut self, kind: Kind) -> Result<B256, (u64, FileFault)> {
        let offset = self.offset + self.at as u64;
        let content = self.next(kind)?;
        B256::try_from(content).map_err(|_| {
            let (what, found) = (kind.name(), content.len() as u64);
            (offset, FileFault::EntryLength { what, found, wanted: 32 })
        })
    }

    /// Nothing, if there is no entry left.
    fn end(&self) -> Result<(), (u64, FileFault)> {
        let found = self.offset + self.at as u64;
        match self.offset + self.bytes.len() as u64 {
            wanted if wanted == found => Ok(()),
            wanted => Err((found, FileFault::IndexElsewhere { wanted, found })),
        }
    }
}

/// The place that the header in `bytes` claims.
fn read_header(bytes: &[u8], total_difficulty: Option<U256>) -> Result<Link, FileFault> {
    let mut reader = Reader::new(bytes);
    Header::read(&mut reader)
        .and_then(|header| reader.end("header").map(|()| Link::new(&header, total_difficulty)))
        .map_err(|error| FileFault::Rlp { what: "header", error })
}

/// The block of a header and a body: one list, of the header and of what the body lists.
fn join(header: &[u8], body: &[u8]) -> Result<Vec<u8>, FileFault> {
    let mut reader = Reader::new(body);
    let items = reader
        .list()
        .and_then(|items| reader.end("body").map(|()| items))
        .map_err(|error| FileFault::Rlp { what: "body", error })?;
    let items = &body[items.position()..];
    let payload_length = header.len() + items.len();
    let prefix = alloy_rlp::Header { list: true, payload_length };
    let mut block = Vec::with_capacity(prefix.length() + payload_length);
    prefix.encode(&mut block);
    block.extend_from_slice(header);
    block.extend_from_slice(items);
    Ok(block)
}

/// The place in the chain of the block number `at` of the file, from its header and its total
/// difficulty alone.
fn link_at(
    file: &OpenFile<'_>,
    first_height: u64,
    offsets: &[u64],
    at: usize,
    buffers: &mut Buffers,
) -> Result<Link, SourceError> {
    let (offset, end) = (offsets[at], offsets[at + 1]);
    let height = first_height + at as u64;
    let fail = |(offset, fault)| file.error(offset, fault).of_block(height);
    let Buffers { unpacker, packed, header, .. } = buffers;
    packed.clear();
    file.read(offset, end.min(offset + HEADER_GUESS_BYTES), "block", packed)?;
    if let Some(start) = packed.first_chunk() {
        let length = content_length(start, Kind::Header).map_err(|fault| fail((offset, fault)))?;
        let (read, wanted) = (offset + packed.len() as u64, offset + ENTRY_HEADER_BYTES + length);
        if wanted > read && wanted <= end {
            if length > 2 * MAX_HEADER_BYTES {
                let fault = FileFault::TooLarge { what: "header", max: 2 * MAX_HEADER_BYTES };
                return Err(fail((offset, fault)).into());
            }
            file.read(read, wanted, "header", packed)?;
        }
    }
    Entries { bytes: packed, at: 0, offset }
        .unpack(Kind::Header, MAX_HEADER_BYTES, unpacker, header)
        .map_err(fail)?;
    let total_difficulty = read_word(file, end - TOTAL_DIFFICULTY_BYTES, Kind::TotalDifficulty)?;
    let total_difficulty = Some(U256::from_le_bytes(total_difficulty.0));
    read_header(header, total_difficulty).map_err(|fault| fail((offset, fault)).into())
}

/// The entry of 32 bytes at `offset`, a `kind`.
fn read_word(file: &OpenFile<'_>, offset: u64, kind: Kind) -> Result<B256, SourceError> {
    let mut bytes = Vec::new();
    file.read(offset, offset + ENTRY_HEADER_BYTES + 32, kind.name(), &mut bytes)?;
    let mut entries = Entries { bytes: &bytes, at: 0, offset };
    entries.word(kind).map_err(|(offset, fault)| file.error(offset, fault).into())
}

fn check_version(file: &OpenFile<'_>) -> Result<(), SourceError> {
    let mut bytes = Vec::new();
    file.read(0, ENTRY_HEADER_BYTES, Kind::Version.name(), &mut bytes)?;
    let found = *bytes.first_chunk().expect("so many bytes were read");
    match content_length(&found, Kind::Version) {
        Ok(0) => Ok(()),
        _ => Err(file.error(0, FileFault::NoVersion { found }).into()),
    }
}

/// The first height, and where each block begins and the last one ends.
fn read_index(file: &OpenFile<'_>) -> Result<(u64, Vec<u64>), SourceError> {
    let length = file.length();
    let fail = |offset, fault| Err(file.error(offset, fault).into());
    let mut tail = Vec::new();
    // Behind the version there are at least an accumulator, and an index of one block.
    let Some(count_at) = length.checked_sub(8).filter(|&at| at >= 80 + MIN_BLOCK_BYTES) else {
        return fail(0, FileFault::NoIndex);
    };
    file.read(count_at, length, "block index", &mut tail)?;
    let count = number(&tail, 0);
    if !(1..=MAX_BLOCKS).contains(&count) {
        return fail(count_at, FileFault::IndexCount { count });
    }
    let content_bytes = 16 + 8 * count;
    let least = ENTRY_HEADER_BYTES + MIN_BLOCK_BYTES * count + ACCUMULATOR_BYTES;
    let index = length.checked_sub(ENTRY_HEADER_BYTES + content_bytes);
    let Some(index) = index.filter(|&index| index >= least) else {
        return fail(count_at, FileFault::NoIndex);
    };
    tail.clear();
    file.read(index, length, "block index", &mut tail)?;
    let header = tail.first_chunk().expect("so many bytes were read");
    if content_length(header, Kind::Index) != Ok(content_bytes) {
        return fail(index, FileFault::NoIndex);
    }
    let first_height = number(&tail, 8);
    if first_height > MAX_HEIGHT {
        return fail(index, FileFault::NoIndex);
    }
    let blocks_end = index - ACCUMULATOR_BYTES;
    let mut offsets = Vec::with_capacity(count as usize + 1);
    let mut least = ENTRY_HEADER_BYTES;
    for place in 0..count {
        let at = 16 + 8 * place;
        // Offsets count from the index's own entry, and so are negative.
        let found = i128::from(index) + i128::from(number(&tail, at as usize) as i64);
        let offset = u64::try_from(found).ok().filter(|offset| {
            (least..=blocks_end - MIN_BLOCK_BYTES).contains(offset)
                && (place > 0 || *offset == least)
        });
        let Some(offset) = offset else {
            let height = first_height + place;
            return fail(index + at, FileFault::IndexOffset { height, found });
        };
        offsets.push(offset);
        least = offset + MIN_BLOCK_BYTES;
    }
    offsets.push(blocks_end);
    Ok((first_height, offsets))
}

/// The number of 64 bits at `at`, which is within `bytes`.
fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("it is within the bytes"))
}
