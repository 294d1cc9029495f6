//! Finds what blocks spend where their source does not know it: in the store of unspent outputs,
//! brought up to the block first.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::block_in_place;

use super::{Complete, PipelineError};
use crate::attempt::Attempt;
use crate::progress::Progress;
use crate::raw::bitcoin::RawBlock;
use crate::source::Source;
use crate::utxo_store::UtxoStore;

/// Blocks below the tip that are never written to the store, because they may be replaced.
const REORG_DEPTH: u64 = 100;
/// Blocks after which the store is written when it catches up.
const PERSIST_EVERY: u64 = 1000;

/// The stage that finds what Bitcoin's blocks spend.
pub struct Prevouts<S> {
    source: Arc<S>,
    dir: PathBuf,
    progress: Arc<dyn Progress>,
    store: Option<UtxoStore>,
}

#[async_trait]
impl<S: Source<Block = RawBlock> + 'static> Complete<RawBlock> for Prevouts<S> {
    async fn complete(
        &mut self,
        blocks: &mut Vec<RawBlock>,
        committed: u64,
    ) -> Result<(), PipelineError> {
        for at in 0..blocks.len() {
            if blocks[at].spent.is_some() {
                continue;
            }
            if let Err(error) = self.look_up(&mut blocks[at], committed).await {
                blocks.truncate(at);
                return Err(error);
            }
        }
        Ok(())
    }
}

impl<S: Source<Block = RawBlock> + 'static> Prevouts<S> {
    /// The stage for the blocks of `source`; its store is made in the folder `dir` when it is
    /// needed.
    pub fn new(source: Arc<S>, dir: PathBuf, progress: Arc<dyn Progress>) -> Prevouts<S> {
        Prevouts { source, dir, progress, store: None }
    }

    async fn look_up(&mut self, raw: &mut RawBlock, committed: u64) -> Result<(), PipelineError> {
        let mut store = match self.store.take() {
            Some(store) => store,
            None => self.open().await?,
        };
        if !store.rewind(raw.block.height, raw.block.parent) {
            // It was filled by a run that had got further, or is of another chain.
            store = store.emptied()?;
        }
        self.catch_up(&mut store, raw.block.height, committed).await?;
        raw.spent = Some(block_in_place(|| store.apply(raw))?);
        self.persist(&mut store, committed).await?;
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
    async fn catch_up(
        &self,
        store: &mut UtxoStore,
        height: u64,
        committed: u64,
    ) -> Result<(), PipelineError> {
        for missing in next_height(store)..height {
            let Attempt { done, failure } = self.source.fetch(missing..missing + 1).await;
            for raw in &done {
                block_in_place(|| store.apply(raw))?;
            }
            failure.map_or(Ok(()), Err)?;
            if missing % PERSIST_EVERY == 0 {
                self.progress.note(&format!("unspent outputs: block {missing} of {height}"));
                self.persist(store, committed).await?;
            }
        }
        Ok(())
    }

    /// Writes to disk what will not be replaced any more: what the sink has, less the blocks at the
    /// tip.
    async fn persist(&self, store: &mut UtxoStore, committed: u64) -> Result<(), PipelineError> {
        let tip = self.source.tip().await?.map_or(0, |tip| tip.height);
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
