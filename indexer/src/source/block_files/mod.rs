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
use self::undo_files::{Undo, UndoFiles};
use crate::progress::Progress;
use crate::raw::{RawBlock, SpentOutputs};
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

    fn fetch(&self, block: BlockRef) -> Result<RawBlock, SourceError> {
        let BlockRef { height, hash, .. } = block;
        let place = self
            .chain
            .place_at(height)
            .filter(|&place| self.chain.hash_of(place) == hash)
            .ok_or_else(|| SourceError::Unknown { height, hash: hash.to_string() })?;
        let scanned = &self.chain.blocks[place];
        let bytes = self.read(height, scanned)?;
        let spent = self.spent(height, place, &bytes)?;
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
        match self.undo.find(&self.chain, place)? {
            Undo::Absent => Ok(None),
            Undo::Mismatch(offset) => Err(SourceError::UndoMismatch {
                height,
                block: self.place_of(block),
                place: undo_place(offset),
            }),
            Undo::Found(records) => {
                let decode = |(record, offset): &(Vec<u8>, u64)| {
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

    fn plan(&self, from: u64, last: u64, bytes: u64) -> Vec<BlockRef> {
        let last = last.min(self.chain.tip());
        // Cuts stand where the bytes from genesis on pass a multiple, wherever a run begins.
        let portion = |height| self.chain.bytes_below(height) / bytes;
        (from..=last)
            .take_while(|&height| height == from || portion(height) == portion(from))
            .filter_map(|height| self.block_at(height))
            .collect()
    }
}

#[async_trait]
impl Source for BlockFiles {
    fn network(&self) -> Network {
        self.inner.network
    }

    async fn tip(&self) -> Result<Option<BlockRef>, SourceError> {
        Ok(self.inner.block_at(self.inner.chain.tip()))
    }

    async fn block_at(&self, height: u64) -> Result<Option<BlockRef>, SourceError> {
        Ok(self.inner.block_at(height))
    }

    async fn plan(&self, from: u64, last: u64, bytes: u64) -> Result<Vec<BlockRef>, SourceError> {
        Ok(self.inner.plan(from, last, bytes))
    }

    fn bytes_between(&self, from: u64, last: u64) -> u64 {
        let chain = &self.inner.chain;
        let last = last.min(chain.tip());
        if from > last {
            return 0;
        }
        let end = chain.place_at(last).map_or(0, |place| chain.blocks[place].record.size);
        chain.bytes_below(last) + u64::from(end) - chain.bytes_below(from)
    }

    async fn fetch(&self, block: BlockRef) -> Result<RawBlock, SourceError> {
        let inner = Arc::clone(&self.inner);
        join(spawn_blocking(move || inner.fetch(block))).await
    }
}

/// The folder of block files that `dir` means: itself, or its `blocks` folder if a data directory
/// was given.
pub fn blocks_dir(dir: &Path) -> PathBuf {
    let inner = dir.join("blocks");
    let has_own = file_path(dir, "blk", 0).exists();
    if !has_own && file_path(&inner, "blk", 0).exists() { inner } else { dir.to_owned() }
}
