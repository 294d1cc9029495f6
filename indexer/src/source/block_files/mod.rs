//! Source: the `blocks` folder of a Bitcoin Core data directory.
//!
//! The files are read as they are; Core's LevelDB index is not needed. `blk` files hold blocks in
//! the order in which they arrived, stale ones among them; `rev` files hold the outputs that they
//! spend.
//!
//! # Invariants
//!
//! * Files are only read. What a running node appends meanwhile is seen by the next run.
//! * Only headers stay in memory, and what links them.

mod best_chain;
mod obfuscated;
mod records;
mod scan;
mod twins;
mod undo;
mod undo_files;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use assay_model::{BlockHash, BlockRef, Network};
use async_trait::async_trait;
use tokio::task::spawn_blocking;

use self::best_chain::BestChain;
use self::obfuscated::{Key, ObfuscatedFile};
use self::records::Damage;
use self::scan::{Scanned, file_path};
/// Decodes an undo record; public so that it can be fuzzed.
pub use self::undo::decode as decode_undo;
use self::undo_files::{Undo, UndoFiles, UndoRecord};
use crate::attempt::Attempt;
use crate::progress::Progress;
use crate::raw::bitcoin::{RawBlock, SpentOutputs};
use crate::source::{Source, SourceError, Unlinked};
use crate::task::join;
use crate::wire::Header;

/// How a folder of block files is read.
#[derive(Clone, Debug)]
pub struct BlockFilesOptions {
    /// The folder with the `blk` files.
    pub dir: PathBuf,
    /// The network; told from the files if not given.
    pub network: Option<Network>,
    /// Take no spent outputs from `rev` files.
    pub ignore_undo: bool,
    /// Threads that scan.
    pub threads: usize,
}

/// A folder of block files whose headers are known.
#[derive(Debug)]
pub struct BlockFiles {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: BlockFilesOptions,
    network: Network,
    key: Key,
    chain: BestChain,
    undo: UndoFiles,
    damages: Vec<Damage>,
}

impl BlockFiles {
    /// Scans the folder and finds the best chain in it.
    ///
    /// # Errors
    ///
    /// If it cannot be read, has no block files, those of another network, or no genesis block.
    pub fn open(
        options: BlockFilesOptions,
        progress: &dyn Progress,
    ) -> Result<BlockFiles, SourceError> {
        let key = Key::of_dir(&options.dir)?;
        let scan = scan::scan(&options.dir, key, options.network, options.threads, progress)?;
        let chain =
            BestChain::new(scan.network, scan.blocks).ok_or_else(|| SourceError::NoGenesis {
                path: options.dir.clone(),
                network: scan.network,
                damages: describe(&scan.damages),
            })?;
        let undo = UndoFiles::new(&options.dir, key, scan.magic, &chain);
        let (network, damages) = (scan.network, scan.damages);
        let inner = Inner { options, network, key, chain, undo, damages };
        Ok(BlockFiles { inner: Arc::new(inner) })
    }

    /// The network whose blocks they are.
    pub fn network(&self) -> Network {
        self.inner.network
    }

    /// Places in the files where a block should be and is not.
    pub fn damages(&self) -> &[Damage] {
        &self.inner.damages
    }

    /// Nothing, if all blocks of the folder hang together.
    ///
    /// # Errors
    ///
    /// If there are some whose parents are in no file, naming the first.
    pub fn check_linked(&self) -> Result<(), SourceError> {
        let inner = &self.inner;
        let unlinked = inner.chain.unlinked();
        let Some(first) = unlinked.first() else { return Ok(()) };
        Err(SourceError::Unlinked(Box::new(Unlinked {
            path: inner.options.dir.clone(),
            count: unlinked.len(),
            hash: BlockHash::from_wire(first.hash),
            place: inner.place_of(first),
            parent: BlockHash::from_wire(first.header.parent),
            tip: inner.chain.tip(),
            damages: describe(&inner.damages),
        })))
    }
}

/// One indented line for each damage, after a line break; nothing for none.
fn describe(damages: &[Damage]) -> String {
    damages.iter().map(|damage| format!("\n  damaged: {damage}")).collect()
}

impl Inner {
    fn block_at(&self, height: u64) -> Option<BlockRef> {
        let place = self.chain.place_at(height)?;
        let parent = BlockHash::from_wire(self.chain.blocks[place].header.parent);
        Some(BlockRef { height, hash: self.chain.hash_of(place), parent })
    }

    fn place_of(&self, block: &Scanned) -> String {
        let path = file_path(&self.options.dir, "blk", block.file);
        format!("{}, offset {}", path.display(), block.record.offset)
    }

    fn fetch(&self, heights: Range<u64>) -> Attempt<Vec<RawBlock>, SourceError> {
        let places = heights.clone().map_while(|height| self.chain.place_at(height));
        let guesses = match self.options.ignore_undo {
            true => Vec::new(),
            false => self.undo.guess(&self.chain, places),
        };
        let guesses = guesses.into_iter().chain(std::iter::repeat(None));
        Attempt::each(heights.zip(guesses), |(height, guess)| self.fetch_one(height, guess))
    }

    /// Fetches a block whose undo record is `guess`, if that is known.
    fn fetch_one(&self, height: u64, guess: Option<UndoRecord>) -> Result<RawBlock, SourceError> {
        let unknown = SourceError::Unknown { height };
        let (block, place) =
            self.block_at(height).zip(self.chain.place_at(height)).ok_or(unknown)?;
        let scanned = &self.chain.blocks[place];
        let bytes = self.read(height, scanned)?;
        let spent = self.spent(height, place, guess, &bytes)?;
        Ok(RawBlock {
            block,
            bytes,
            spent,
            median_time: self.chain.median_time(height),
            chain_work: self.chain.work_at(height).to_be_bytes(),
            place: self.place_of(scanned),
        })
    }

    fn read(&self, height: u64, block: &Scanned) -> Result<Vec<u8>, SourceError> {
        let path = file_path(&self.options.dir, "blk", block.file);
        let file = ObfuscatedFile::open(path, self.key)?;
        let mut bytes = vec![0; block.record.size as usize];
        let filled = file.read(block.record.offset, &mut bytes)?;
        let header = bytes[..filled].first_chunk::<{ Header::SIZE }>();
        if filled < bytes.len() || header.is_none_or(|header| Header::hash_of(header) != block.hash)
        {
            return Err(SourceError::Changed { height, place: self.place_of(block) });
        }
        Ok(bytes)
    }

    /// The outputs that the block at `place`, whose data is `bytes`, spends, if its undo record is
    /// there.
    fn spent(
        &self,
        height: u64,
        place: usize,
        guess: Option<UndoRecord>,
        bytes: &[u8],
    ) -> Result<Option<SpentOutputs>, SourceError> {
        let block = &self.chain.blocks[place];
        if block.transactions <= 1 {
            return Ok(Some(SpentOutputs::default()));
        }
        if self.options.ignore_undo {
            return Ok(None);
        }
        let undo_place =
            |offset| format!("{}, offset {offset}", self.undo.path(block.file).display());
        let undo = match guess {
            Some(record) => Undo::Found(vec![record]),
            None => self.undo.find(&self.chain, place)?,
        };
        match undo {
            Undo::Absent => Ok(None),
            Undo::Mismatch(offset) => Err(SourceError::UndoMismatch {
                height,
                block: self.place_of(block),
                place: undo_place(offset),
            }),
            Undo::Found(records) => {
                let decode = |(record, offset): &UndoRecord| {
                    undo::decode(record).map_err(|source| SourceError::BadUndo {
                        height,
                        place: undo_place(*offset),
                        source,
                    })
                };
                // Nothing, if one of them is without heights.
                let candidates: Option<Vec<_>> =
                    records.iter().map(decode).collect::<Result<_, _>>()?;
                let subsidy = self.network.subsidy(height).get();
                Ok(match candidates {
                    Some(mut only) if only.len() == 1 => only.pop(),
                    Some(several) => twins::choose(bytes, subsidy, several),
                    None => None,
                })
            }
        }
    }
}

#[async_trait]
impl Source for BlockFiles {
    type Block = RawBlock;

    async fn tip(&self) -> Result<Option<BlockRef>, SourceError> {
        Ok(self.inner.block_at(self.inner.chain.tip()))
    }

    async fn block_at(&self, height: u64) -> Result<Option<BlockRef>, SourceError> {
        Ok(self.inner.block_at(height))
    }

    fn plan(&self, heights: Range<u64>, bytes: u64) -> u64 {
        // Cuts stand where the bytes from genesis on pass a multiple, wherever a run begins.
        let portion = |height| self.inner.chain.bytes_below(height) / bytes;
        let first = portion(heights.start);
        let mut rest = heights.start + 1..heights.end;
        rest.find(|&height| portion(height) != first).unwrap_or(heights.end)
    }

    fn bytes_of(&self, heights: Range<u64>) -> u64 {
        let chain = &self.inner.chain;
        let end = heights.end.min(chain.tip() + 1);
        if heights.start >= end {
            return 0;
        }
        let last = chain.place_at(end - 1).map_or(0, |place| chain.blocks[place].record.size);
        chain.bytes_below(end - 1) + u64::from(last) - chain.bytes_below(heights.start)
    }

    async fn fetch(&self, heights: Range<u64>) -> Attempt<Vec<RawBlock>, SourceError> {
        let inner = Arc::clone(&self.inner);
        join(spawn_blocking(move || inner.fetch(heights))).await
    }
}

/// The folder of block files that `dir` means: itself, or its `blocks` folder if a data directory
/// was given.
pub fn blocks_dir(dir: &Path) -> PathBuf {
    let inner = dir.join("blocks");
    let has_own = file_path(dir, "blk", 0).exists();
    if !has_own && file_path(&inner, "blk", 0).exists() { inner } else { dir.to_owned() }
}
