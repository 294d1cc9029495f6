//! Finds a block's undo record in the `rev` file with the number of the block's `blk` file.
//!
//! A record does not say whose it is; its checksum covers the hash of the block's parent, and so
//! proves it. Records stand in the order in which blocks were connected, which is about that of
//! heights: the place that a block has by height among those of its file is where the search
//! begins, and only records with as many transactions as the block has are looked at. Where twins,
//! with the same parent and as many transactions, stand in one file, all their records are found.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use assay_model::sha256::Messages;

use super::best_chain::BestChain;
use super::obfuscated::{Key, ObfuscatedFile};
use super::records::{Damage, Framing, Record, walk};
use super::scan::{Scanned, file_path};
use crate::source::SourceError;
use crate::wire::{Hash, Reader, sha256d};

/// The most that an undo record can have: 4 MB of inputs of 41 bytes, each spending an output of
/// 10 KB, is never reached; Core itself reads records up to this size (`MAX_SIZE`, `serialize.h`).
const MAX_UNDO_BYTES: u32 = 0x0200_0000;
/// Length of a record's checksum.
const CHECKSUM_BYTES: usize = 32;

/// The data of an undo record, and its offset in the `rev` file.
pub type UndoRecord = (Vec<u8>, u64);

/// What was found out about a block's undo record.
#[derive(Debug, PartialEq, Eq)]
pub enum Undo {
    /// Of a block with twins there may be several, first the one that is its own if blocks were
    /// connected as they arrived.
    Found(Vec<UndoRecord>),
    /// There is none.
    Absent,
    /// A record that must be it is damaged, at this offset.
    Mismatch(u64),
}

/// The `rev` files of a folder.
#[derive(Debug)]
pub struct UndoFiles {
    dir: PathBuf,
    key: Key,
    magic: [u8; 4],
    /// By place of a block: its rank by height among the blocks of its file.
    ranks: Vec<u32>,
    /// By place of a block that has twins: the places of all of them, in order of arrival.
    twins: HashMap<usize, Vec<usize>>,
    /// The files met so far; 16 bytes a block.
    files: Mutex<HashMap<u32, Arc<Option<UndoFile>>>>,
}

/// One `rev` file.
#[derive(Debug)]
struct UndoFile {
    file: ObfuscatedFile,
    records: Vec<Record>,
    /// The records, as places in `records`, by their number of transactions without the coinbase.
    by_transactions: HashMap<u64, Vec<u32>>,
    damages: Vec<Damage>,
    /// The records that belong to no block of the file.
    orphans: OnceLock<Vec<u32>>,
}

impl UndoFiles {
    /// The undo files of `dir`, for the blocks of `chain`.
    pub fn new(dir: &Path, key: Key, magic: [u8; 4], chain: &BestChain) -> UndoFiles {
        let mut order: Vec<(u32, u64, usize)> = (0..chain.blocks.len())
            .filter_map(|place| Some((chain.blocks[place].file, chain.height_of(place)?, place)))
            .collect();
        order.sort_unstable();
        let mut ranks = vec![0; chain.blocks.len()];
        let mut twins = HashMap::new();
        for file in order.chunk_by(|left, right| left.0 == right.0) {
            for (rank, &(_, _, place)) in file.iter().enumerate() {
                ranks[place] = rank as u32;
            }
            for level in file.chunk_by(|left, right| left.1 == right.1) {
                add_twins(chain, level, &mut twins);
            }
        }
        UndoFiles { dir: dir.to_owned(), key, magic, ranks, twins, files: Mutex::default() }
    }

    /// The undo records of the blocks at `places` of `chain`, where the first that comes into
    /// question is the right one: checked all together, which is many times as fast as one by one.
    /// `None` means that the record has to be searched for.
    pub fn guess(
        &self,
        chain: &BestChain,
        places: impl Iterator<Item = usize>,
    ) -> Vec<Option<UndoRecord>> {
        let mut messages = Messages::default();
        let read: Vec<_> = places
            .map(|place| {
                let block = &chain.blocks[place];
                if block.transactions <= 1 || self.twins.contains_key(&place) {
                    return None;
                }
                // A file that cannot be read is reported by the search.
                let file = self.file(block.file).ok()?;
                let record = file.as_ref().as_ref()?.first_candidate(block, self.ranks[place])?;
                messages.push(&[&block.header.parent, &record.data]);
                Some(record)
            })
            .collect();
        let mut hashes = messages.sha256d().into_iter();
        let mut prove = |record: Unproven| {
            let hash = hashes.next().expect("one was pushed for each record");
            (hash == record.checksum).then_some((record.data, record.offset))
        };
        read.into_iter().map(|record| record.and_then(&mut prove)).collect()
    }

    /// Finds the undo record of the block at `place` of `chain`.
    ///
    /// # Errors
    ///
    /// If the `rev` file cannot be read.
    pub fn find(&self, chain: &BestChain, place: usize) -> Result<Undo, SourceError> {
        let block = &chain.blocks[place];
        let file = self.file(block.file)?;
        let Some(file) = file.as_ref() else { return Ok(Undo::Absent) };
        let twins = self.twins.get(&place).map_or(&[][..], Vec::as_slice);
        let mut found = file.find(block, self.ranks[place], twins.len().max(1))?;
        if found.len() > 1 && found.len() == twins.len() {
            // Each was connected: in the order in which they arrived, most likely.
            found.sort_by_key(|&(_, offset)| offset);
            found.swap(0, twins.iter().position(|&twin| twin == place).unwrap_or(0));
        }
        if !found.is_empty() {
            return Ok(Undo::Found(found));
        }
        // Was there never a record, or is it damaged? It is if there is one that is nobody's.
        let orphans = file.orphans(chain, block.file, self)?;
        let nearest = orphans.iter().min_by_key(|&&at| at.abs_diff(self.ranks[place]));
        let damaged = file.damages.first().map(|damage| damage.offset);
        Ok(match nearest.map(|&at| file.records[at as usize].offset).or(damaged) {
            Some(offset) => Undo::Mismatch(offset),
            None => Undo::Absent,
        })
    }

    /// Path of the undo file of the `blk` file with number `file`.
    pub fn path(&self, file: u32) -> PathBuf {
        file_path(&self.dir, "rev", file)
    }

    fn file(&self, number: u32) -> Result<Arc<Option<UndoFile>>, SourceError> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(&number) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(UndoFile::open(self.path(number), self.key, self.magic)?);
        files.insert(number, Arc::clone(&file));
        Ok(file)
    }
}

/// Notes the twins among the blocks of one file and height.
fn add_twins(
    chain: &BestChain,
    level: &[(u32, u64, usize)],
    twins: &mut HashMap<usize, Vec<usize>>,
) {
    let kind = |place: usize| (chain.blocks[place].header.parent, chain.blocks[place].transactions);
    for &(_, _, place) in level.iter().filter(|_| level.len() > 1) {
        let alike = level.iter().map(|&(_, _, other)| other);
        let alike: Vec<usize> = alike.filter(|&other| kind(other) == kind(place)).collect();
        if alike.len() > 1 {
            twins.insert(place, alike);
        }
    }
}

impl UndoFile {
    /// The file at `path`; `None` if there is none.
    fn open(path: PathBuf, key: Key, magic: [u8; 4]) -> Result<Option<UndoFile>, SourceError> {
        if !path.exists() {
            return Ok(None);
        }
        let file = ObfuscatedFile::open(path, key)?;
        let framing = Framing { magic, sizes: (1, MAX_UNDO_BYTES), trailer: CHECKSUM_BYTES as u64 };
        let mut records = Vec::new();
        let mut by_transactions: HashMap<u64, Vec<u32>> = HashMap::new();
        let damages = walk(&file, framing, |record, head| {
            let Ok(transactions) = Reader::new(head).count() else { return false };
            by_transactions.entry(transactions).or_default().push(records.len() as u32);
            records.push(record);
            true
        })?;
        // A search after damage may meet a record before one that is known.
        by_transactions.values_mut().for_each(|places| places.sort_unstable());
        let orphans = OnceLock::new();
        Ok(Some(UndoFile { file, records, by_transactions, damages, orphans }))
    }

    /// The first `count` records that may be those of `block`, searched outwards from `rank`.
    fn find(
        &self,
        block: &Scanned,
        rank: u32,
        count: usize,
    ) -> Result<Vec<UndoRecord>, SourceError> {
        let mut found = Vec::new();
        for at in self.candidates(block, rank) {
            let Some(record) = self.read(at)? else { continue };
            if sha256d(&[&block.header.parent, &record.data]) == record.checksum {
                found.push((record.data, record.offset));
            }
            if found.len() == count {
                break;
            }
        }
        Ok(found)
    }

    fn orphans(
        &self,
        chain: &BestChain,
        file: u32,
        files: &UndoFiles,
    ) -> Result<&[u32], SourceError> {
        if let Some(orphans) = self.orphans.get() {
            return Ok(orphans);
        }
        let mut orphans: Vec<u32> = (0..self.records.len() as u32).collect();
        for (place, block) in chain.blocks.iter().enumerate() {
            if block.file != file {
                continue;
            }
            let count = files.twins.get(&place).map_or(1, Vec::len);
            for (_, offset) in self.find(block, files.ranks[place], count)? {
                orphans.retain(|&at| self.records[at as usize].offset != offset);
            }
        }
        Ok(self.orphans.get_or_init(|| orphans))
    }

    /// The records that may be those of `block`, as places in `records`, nearest to `rank` first.
    fn candidates(&self, block: &Scanned, rank: u32) -> impl Iterator<Item = u32> {
        let transactions = u64::from(block.transactions).saturating_sub(1);
        outwards(self.by_transactions.get(&transactions).map_or(&[][..], Vec::as_slice), rank)
    }

    /// The first of the candidates; `None` if there is none or it cannot be read.
    fn first_candidate(&self, block: &Scanned, rank: u32) -> Option<Unproven> {
        self.read(self.candidates(block, rank).next()?).ok()?
    }

    /// The record at `at`; `None` if the file ends before it does.
    fn read(&self, at: u32) -> Result<Option<Unproven>, SourceError> {
        let Record { offset, size } = self.records[at as usize];
        let mut data = vec![0; size as usize + CHECKSUM_BYTES];
        if self.file.read(offset, &mut data)? < data.len() {
            return Ok(None);
        }
        let checksum = *data.last_chunk().expect("the checksum was read");
        data.truncate(size as usize);
        Ok(Some(Unproven { data, checksum, offset }))
    }
}

/// An undo record that may be anybody's.
struct Unproven {
    data: Vec<u8>,
    /// Hash of the parent of the block that it belongs to and of `data`.
    checksum: Hash,
    offset: u64,
}

/// The sorted `places`, those nearest to `middle` first.
fn outwards(places: &[u32], middle: u32) -> impl Iterator<Item = u32> {
    let mut right = places.partition_point(|&at| at < middle);
    let mut left = right;
    std::iter::from_fn(move || {
        let before = left.checked_sub(1).map(|at| places[at]);
        match (before, places.get(right).copied()) {
            (Some(before), after)
                if after.is_none_or(|after| middle - before <= after - middle) =>
            {
                left -= 1;
                Some(before)
            }
            (_, Some(after)) => {
                right += 1;
                Some(after)
            }
            (_, None) => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_come_first_and_all_come() {
        let order: Vec<u32> = outwards(&[1, 4, 5, 9], 5).collect();
        assert_eq!(order, [5, 4, 1, 9]);
        assert_eq!(outwards(&[], 5).count(), 0);
    }
}
