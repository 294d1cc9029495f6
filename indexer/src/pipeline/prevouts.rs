//! Finds what blocks spend where their source does not know it: in the store of unspent outputs,
//! brought up to the block first.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::block_in_place;

use super::{Attempt, PipelineError};
use crate::progress::Progress;
use crate::raw::RawBlock;
use crate::source::Source;
use crate::utxo_store::UtxoStore;

/// Blocks below the tip that are never written to the store, because they may be replaced.
const REORG_DEPTH: u64 = 100;
/// Blocks after which the store is written when it catches up.
const PERSIST_EVERY: u64 = 1000;

pub(super) struct Prevouts<S> {
    source: Arc<S>,
    dir: PathBuf,
    progress: Arc<dyn Progress>,
    /// The height after the last that the sink took.
    committed: Arc<AtomicU64>,
    store: Option<UtxoStore>,
}

impl<S: Source + 'static> Prevouts<S> {
    pub fn new(
        source: Arc<S>,
        dir: PathBuf,
        progress: Arc<dyn Progress>,
        committed: Arc<AtomicU64>,
    ) -> Prevouts<S> {
        Prevouts { source, dir, progress, committed, store: None }
    }

    /// Fills in what the blocks of `attempt` spend, up to the first that fails.
    pub async fn complete(&mut self, attempt: &mut Attempt<Vec<RawBlock>>) {
        for at in 0..attempt.done.len() {
            if attempt.done[at].spent.is_some() {
                continue;
            }
            if let Err(error) = self.look_up(&mut attempt.done[at]).await {
                attempt.done.truncate(at);
                attempt.failure = Some(error);
                return;
            }
        }
    }

    async fn look_up(&mut self, raw: &mut RawBlock) -> Result<(), PipelineError> {
        let mut store = match self.store.take() {
            Some(store) => store,
            None => self.open().await?,
        };
        if next_height(&store) > raw.block.height {
            // It was filled by a run that had got further.
            store = store.emptied()?;
        }
        self.catch_up(&mut store, raw.block.height).await?;
        raw.spent = Some(block_in_place(|| store.apply(raw))?);
        self.persist(&mut store).await?;
        self.store = Some(store);
        Ok(())
    }

    /// Opens the store, and empties it if it is not of the source's chain.
    async fn open(&self) -> Result<UtxoStore, PipelineError> {
        let store = UtxoStore::open(&self.dir)?;
        let Some((height, hash)) = store.tip() else { return Ok(store) };
        let same = self.source.block_at(height).await?.is_some_and(|block| block.hash == hash);
        Ok(if same { store } else { store.emptied()? })
    }

    /// Applies all blocks below `height`.
    async fn catch_up(&self, store: &mut UtxoStore, height: u64) -> Result<(), PipelineError> {
        for missing in next_height(store)..height {
            let Some(block) = self.source.block_at(missing).await? else { continue };
            let raw = self.source.fetch(block).await?;
            block_in_place(|| store.apply(&raw))?;
            if missing % PERSIST_EVERY == 0 {
                self.progress.note(&format!("unspent outputs: block {missing} of {height}"));
                self.persist(store).await?;
            }
        }
        Ok(())
    }

    /// Writes to disk what will not be replaced any more: what the sink has, less the blocks at the
    /// tip.
    async fn persist(&self, store: &mut UtxoStore) -> Result<(), PipelineError> {
        let tip = self.source.tip().await?.map_or(0, |tip| tip.height);
        let committed = self.committed.load(Ordering::Relaxed);
        match committed.min((tip + 1).saturating_sub(REORG_DEPTH)).checked_sub(1) {
            Some(last) => Ok(block_in_place(|| store.persist(last))?),
            None => Ok(()),
        }
    }
}

/// The height of the block that the store takes next.
fn next_height(store: &UtxoStore) -> u64 {
    store.tip().map_or(0, |(height, _)| height + 1)
}
