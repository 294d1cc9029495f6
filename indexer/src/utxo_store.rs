//! The unspent outputs, kept on disk: the way to find out what a block spends when there is no
//! undo data.
//!
//! # Invariants
//!
//! * The store on disk is the set of unspent outputs after one block, its watermark, which changes
//!   in the same write as the set.
//! * Blocks that may yet be replaced stay in memory ([`UtxoStore::persist`] is told up to where it
//!   may write), so the store never has to go back.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};

use assay_model::{BlockHash, script};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::raw::bitcoin::{RawBlock, SpentOutputs};
use crate::wire::{Block, Hash, Transaction, WireError, merkle_root};

/// Key of the watermark in the keyspace of facts about the store.
const WATERMARK: &[u8] = b"watermark";

/// The store cannot say what a block spends.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UtxoError {
    /// The store itself failed.
    #[error(
        "the store of unspent outputs in {} failed: if it does so again, remove this folder and it \
         is made anew", .path.display()
    )]
    Store {
        /// The folder.
        path: PathBuf,
        /// What the library said.
        #[source]
        source: fjall::Error,
    },
    /// The folder could not be removed to begin anew.
    #[error("cannot remove {}", .path.display())]
    Remove {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The block cannot be read.
    #[error("block {height} ({place}) is damaged")]
    Damaged {
        /// Height.
        height: u64,
        /// Where it is kept.
        place: String,
        /// What is wrong.
        #[source]
        source: WireError,
    },
    /// The transactions are not the block's.
    #[error("block {height} ({place}) is damaged: its transactions are not those of its header")]
    MerkleRoot {
        /// Height.
        height: u64,
        /// Where it is kept.
        place: String,
    },
    /// An output is spent that does not exist.
    #[error(
        "block {height} ({place}), transaction {tx_index}: it spends output {spent}, which does not exist or is already spent"
    )]
    Missing {
        /// Height.
        height: u64,
        /// Where it is kept.
        place: String,
        /// Place of the transaction in the block.
        tx_index: usize,
        /// Transaction id and output index.
        spent: String,
    },
}

/// Transaction id in wire order and output index: 36 bytes.
type OutPoint = [u8; 36];

/// An unspent output as it is stored: height, value, script.
type Stored = Vec<u8>;

/// The unspent outputs after a block.
pub struct UtxoStore {
    path: PathBuf,
    database: Database,
    outputs: Keyspace,
    facts: Keyspace,
    /// The last block whose effect is included, on disk or in memory.
    tip: Option<(u64, BlockHash)>,
    /// The last block whose effect is on disk.
    on_disk: Option<(u64, BlockHash)>,
    /// Blocks that are not on disk, the oldest first.
    pending: VecDeque<Pending>,
    /// Outputs of pending blocks.
    created: HashMap<OutPoint, Stored>,
    /// What pending blocks spend.
    spent: HashSet<OutPoint>,
}

/// The effect of a block that is not on disk.
struct Pending {
    height: u64,
    hash: BlockHash,
    created: Vec<OutPoint>,
    spent: Vec<OutPoint>,
}

impl UtxoStore {
    /// Opens the store in the folder `path`, making it if there is none.
    ///
    /// # Errors
    ///
    /// If the folder cannot be used.
    pub fn open(path: &Path) -> Result<UtxoStore, UtxoError> {
        let failed = |source| UtxoError::Store { path: path.to_owned(), source };
        let open = || {
            remove_unfinished(path)?;
            let database = Database::builder(path).open()?;
            let outputs = database.keyspace("outputs", KeyspaceCreateOptions::default)?;
            let facts = database.keyspace("facts", KeyspaceCreateOptions::default)?;
            let watermark = facts.get(WATERMARK)?;
            Ok((database, outputs, facts, watermark))
        };
        let (database, outputs, facts, watermark) = open().map_err(failed)?;
        Ok(UtxoStore {
            path: path.to_owned(),
            database,
            outputs,
            facts,
            tip: watermark.as_deref().and_then(read_watermark),
            on_disk: watermark.as_deref().and_then(read_watermark),
            pending: VecDeque::new(),
            created: HashMap::new(),
            spent: HashSet::new(),
        })
    }

    /// The same store, emptied.
    ///
    /// # Errors
    ///
    /// If the folder cannot be removed or made anew.
    pub fn emptied(self) -> Result<UtxoStore, UtxoError> {
        let path = self.path.clone();
        drop(self);
        std::fs::remove_dir_all(&path)
            .map_err(|source| UtxoError::Remove { path: path.clone(), source })?;
        UtxoStore::open(&path)
    }

    /// The last block whose effect is included.
    pub fn tip(&self) -> Option<(u64, BlockHash)> {
        self.tip
    }

    /// Applies the block `raw`, which follows the tip, and returns what it spends.
    ///
    /// # Errors
    ///
    /// If the block is damaged, or spends what is not there. The store is then of no more use but
    /// to be opened again.
    pub fn apply(&mut self, raw: &RawBlock) -> Result<SpentOutputs, UtxoError> {
        let (height, place) = (raw.block.height, &raw.place);
        let damaged = |source| UtxoError::Damaged { height, place: place.clone(), source };
        let block = Block::read(&raw.bytes).map_err(damaged)?;
        let ids = block.transaction_ids();
        if merkle_root(ids.txids.clone()) != Some(block.header.merkle_root) {
            return Err(UtxoError::MerkleRoot { height, place: place.clone() });
        }
        let mut pending =
            Pending { height, hash: raw.block.hash, created: Vec::new(), spent: Vec::new() };
        let mut found = SpentOutputs::default();
        for (tx_index, transaction) in block.transactions.iter().enumerate() {
            if tx_index > 0 {
                found.begin_transaction();
                self.spend(raw, tx_index, transaction, &mut found, &mut pending.spent)?;
            }
            // Nobody can ever spend the coinbase of the genesis block.
            if height > 0 {
                let txid = &ids.txids[tx_index];
                self.create(height as u32, txid, transaction, &mut pending.created);
            }
        }
        self.tip = Some((height, raw.block.hash));
        self.pending.push_back(pending);
        Ok(found)
    }

    fn spend(
        &mut self,
        raw: &RawBlock,
        tx_index: usize,
        transaction: &Transaction<'_>,
        found: &mut SpentOutputs,
        spent: &mut Vec<OutPoint>,
    ) -> Result<(), UtxoError> {
        for input in &transaction.inputs {
            let key = out_point(input.spent_txid, input.spent_output_index);
            let stored = match self.created.get(&key) {
                // An output that was spent and created anew counts as unspent (BIP 30).
                Some(stored) if !self.spent.contains(&key) => Some(stored.clone()),
                None if !self.spent.contains(&key) => self
                    .outputs
                    .get(key)
                    .map_err(|source| UtxoError::Store { path: self.path.clone(), source })?
                    .map(|stored| stored.to_vec()),
                _ => None,
            };
            let Some((height, value, script)) = stored.as_deref().and_then(read_stored) else {
                let txid = BlockHash::from_wire(*input.spent_txid);
                return Err(UtxoError::Missing {
                    height: raw.block.height,
                    place: raw.place.clone(),
                    tx_index,
                    spent: format!("{txid}:{}", input.spent_output_index),
                });
            };
            let copied = found.push_with(value, height, |scripts| {
                scripts.extend(script);
                Ok::<(), std::convert::Infallible>(())
            });
            let Ok(()) = copied;
            self.spent.insert(key);
            spent.push(key);
        }
        Ok(())
    }

    fn create(
        &mut self,
        height: u32,
        txid: &Hash,
        transaction: &Transaction<'_>,
        created: &mut Vec<OutPoint>,
    ) {
        for (index, output) in transaction.outputs.iter().enumerate() {
            if script::is_unspendable(output.script) {
                continue;
            }
            let key = out_point(txid, index as u32);
            let stored =
                [&height.to_le_bytes()[..], &output.value.to_le_bytes(), output.script].concat();
            // A later coinbase with the same id overwrites the earlier (BIP 30).
            self.spent.remove(&key);
            self.created.insert(key, stored);
            created.push(key);
        }
    }

    /// Takes back the blocks from height `next` on, where a block that follows `parent` is to be applied.
    /// Returns whether it can be, as far as is known: blocks that are on disk cannot be taken back.
    pub fn rewind(&mut self, next: u64, parent: BlockHash) -> bool {
        while self.pending.back().is_some_and(|block| block.height >= next) {
            let Some(block) = self.pending.pop_back() else { break };
            for key in block.spent {
                self.spent.remove(&key);
            }
            for key in block.created {
                self.created.remove(&key);
            }
            self.tip = match self.pending.back() {
                Some(below) => Some((below.height, below.hash)),
                None => self.on_disk,
            };
        }
        self.tip.map_or(next == 0, |(height, hash)| height + 1 < next || hash == parent)
    }

    /// Writes the effect of all blocks up to height `last` to disk.
    ///
    /// # Errors
    ///
    /// If the store cannot write.
    pub fn persist(&mut self, last: u64) -> Result<(), UtxoError> {
        let due = self.pending.iter().take_while(|block| block.height <= last).count();
        let Some(newest) = due.checked_sub(1).map(|at| &self.pending[at]) else { return Ok(()) };
        let on_disk = (newest.height, newest.hash);
        let mut watermark = newest.height.to_le_bytes().to_vec();
        watermark.extend(newest.hash.0);

        // What is created and spent within these blocks never touches the disk.
        let mut effects: HashMap<OutPoint, bool> = HashMap::new();
        for block in self.pending.drain(..due) {
            effects.extend(block.created.iter().map(|&key| (key, true)));
            for key in block.spent {
                self.spent.remove(&key);
                if effects.remove(&key) == Some(true) {
                    self.created.remove(&key);
                } else {
                    effects.insert(key, false);
                }
            }
        }
        let mut batch = self.database.batch();
        for (key, is_unspent) in effects {
            if !is_unspent {
                batch.remove(&self.outputs, key.as_slice());
            } else if let Some(stored) = self.created.remove(&key) {
                batch.insert(&self.outputs, key.as_slice(), stored);
            } // else it was written with the earlier of two blocks that created it (BIP 30)
        }
        batch.insert(&self.facts, WATERMARK, watermark);
        batch
            .commit()
            .and_then(|()| self.database.persist(PersistMode::SyncAll))
            .map_err(|source| UtxoError::Store { path: self.path.clone(), source })?;
        self.on_disk = Some(on_disk);
        Ok(())
    }
}

/// Removes what is in the way of making the store in `path` anew, if its making was cut short: the
/// library writes the version last, and refuses to go on where a journal is without one.
fn remove_unfinished(path: &Path) -> std::io::Result<()> {
    let version = path.join("version");
    if std::fs::metadata(&version).is_ok_and(|version| version.len() > 0) {
        return Ok(());
    }
    for file in [path.join("0.jnl"), version] {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn out_point(txid: &Hash, index: u32) -> OutPoint {
    let mut key = [0; 36];
    key[..32].copy_from_slice(txid);
    key[32..].copy_from_slice(&index.to_be_bytes());
    key
}

/// Height, value and script of a stored output.
fn read_stored(stored: &[u8]) -> Option<(u32, u64, &[u8])> {
    let (height, rest) = stored.split_first_chunk()?;
    let (value, script) = rest.split_first_chunk()?;
    Some((u32::from_le_bytes(*height), u64::from_le_bytes(*value), script))
}

fn read_watermark(bytes: &[u8]) -> Option<(u64, BlockHash)> {
    let (height, hash) = bytes.split_first_chunk()?;
    Some((u64::from_le_bytes(*height), BlockHash(hash.try_into().ok()?)))
}
