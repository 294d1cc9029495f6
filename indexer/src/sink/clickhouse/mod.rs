//! Sink: tables of a ClickHouse server or cluster.
//!
//! # Invariants
//!
//! * Rows first, then the entry in the log that makes them visible, and that only after the rows of
//!   its heights were counted: what was lost or came twice is put right before anybody sees it.
//! * Rows above the watermark belong to nobody: they are removed before other rows take their place.
//! * Of several writers of a chain only the one that began last can make anything visible. The others
//!   notice before they store anything.

mod batch;
mod store;

use std::time::Duration;

use assay_clickhouse::{Access, Connection, Entry, Error, Kind, Log, is_unused, migrate, schema};
use assay_model::lake::{Finality, LakeInfo, Reorg, RunInfo};
use assay_model::{Batch, BlockRef};
use async_trait::async_trait;
use tokio::sync::{Mutex, MutexGuard};

pub use self::batch::EncodedBatch;
use self::store::Store;
use super::{Cuts, Sink, SinkError, Wanted, order};
use crate::metrics::{self, Meter};

/// The first pause before what failed is tried again; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// How often something is tried again: for about a minute in all.
const MOST_RETRIES: u32 = 8;
/// How often the rows of a batch are stored anew because others were found.
const MOST_REPAIRS: u32 = 3;

/// The tables of one chain in a database, opened for writing.
pub struct ClickHouseSink {
    store: Store,
    info: LakeInfo,
    state: Mutex<State>,
}

/// What the tables hold.
struct State {
    /// The last entry in the log, unless `is_dirty`: then there may be another by now.
    last: Entry,
    /// How far the chain is settled, as the next entry is to say.
    finality: Finality,
    /// Whether there may be rows above the watermark, or an entry whose fate is not known.
    is_dirty: bool,
    /// How often rows were removed: rows that come again after that are no repetition.
    epoch: u32,
}

impl ClickHouseSink {
    /// Opens the tables behind `connection` for writing; makes them if there are none.
    ///
    /// From then on writers that began before cannot make anything visible.
    ///
    /// # Errors
    ///
    /// If they are not this program's, or hold something else than is wanted: another network or
    /// schema, from another height on, or without an extra; or if the server refuses or cannot be
    /// reached.
    pub async fn open(
        connection: Connection,
        wanted: &Wanted,
    ) -> Result<ClickHouseSink, SinkError> {
        let found = match schema(&connection, Access::Write).await {
            // A database that nobody has used is made fit for use; what is there is not changed
            // without being asked for, and what a cluster is called is not known here.
            Err(Error::OldSchema { .. })
                if !connection.address().is_several() && is_unused(&connection).await? =>
            {
                migrate(&connection, None).await?;
                schema(&connection, Access::Write).await?
            }
            found => found?,
        };
        found.check_nodes(&connection).await?;
        let log = Log::new(connection.clone(), wanted.chain);
        let place = format!("{}, {}", connection.address(), wanted.chain);
        let info = match log.info().await? {
            Some(info) => info,
            None => {
                log.create(&wanted.info()).await?;
                // Somebody else may have been first.
                log.info().await?.ok_or(Error::Lost { place: place.clone() })?
            }
        };
        wanted.check(&info, &place)?;
        let store = Store::new(connection, found, log, wanted.chain).await?;
        let last = begin(&store).await?;
        let state = State { finality: last.finality, last, is_dirty: true, epoch: 0 };
        let sink = ClickHouseSink { store, info, state: Mutex::new(state) };
        drop(sink.state().await?);
        Ok(sink)
    }

    /// Notes the `reorgs` of the time before the first rows came here, the oldest first; those that an
    /// earlier call noted before it was stopped are not noted again.
    ///
    /// # Errors
    ///
    /// If the server refuses or cannot be reached.
    pub async fn remember(&self, reorgs: &[Reorg]) -> Result<(), SinkError> {
        let mut state = self.state().await?;
        let noted = self.patiently(|| self.store.log.reorgs()).await?.len();
        for Reorg { noticed, common, replaced } in reorgs.iter().skip(noted) {
            let entry = Entry {
                noticed: *noticed,
                reorg: Some((*common, replaced.clone())),
                ..state.last.next(Kind::Revert)
            };
            state.is_dirty = true;
            self.write(&mut state, entry).await?;
            state.is_dirty = false;
        }
        Ok(())
    }

    /// The state, which is that of the server.
    async fn state(&self) -> Result<MutexGuard<'_, State>, SinkError> {
        let mut state = self.state.lock().await;
        if state.is_dirty {
            self.clean(&mut state).await?;
        }
        Ok(state)
    }

    /// Reads how far the tables are, and removes the rows above.
    async fn clean(&self, state: &mut State) -> Result<(), SinkError> {
        state.is_dirty = true;
        // Rows above what we think is the watermark may be another writer's by now.
        state.last = self.patiently(|| self.store.own_last()).await?;
        let next = next_height(&state.last, &self.info);
        // An insert whose answer was lost may be under way still.
        self.patiently(|| self.store.end_inserts()).await?;
        self.patiently(|| self.store.remove_from(next)).await?;
        state.epoch += 1;
        state.is_dirty = false;
        Ok(())
    }

    /// Stores the rows of `batch`, and counts them.
    async fn store_rows(&self, state: &mut State, batch: &EncodedBatch) -> Result<(), SinkError> {
        let mut repairs = 0;
        loop {
            // Until the log has them, the rows are nobody's.
            state.is_dirty = true;
            let token = format!("{}:{}", self.store.session, state.epoch);
            let after = state.last.sequence;
            self.patiently(|| self.store.insert(batch, after, &token)).await?;
            let counted = self.patiently(|| self.store.count(batch.heights())).await?;
            if counted == batch.rows() {
                return Ok(());
            }
            if repairs == MOST_REPAIRS {
                return Err(self.store.miscounted(batch, &counted));
            }
            repairs += 1;
            let from = batch.first.height;
            tracing::warn!(from, ?counted, wanted = ?batch.rows(), "rows are stored anew");
            self.clean(state).await?;
        }
    }

    async fn add(&self, state: &mut State, batch: &EncodedBatch) -> Result<(), SinkError> {
        self.store_rows(state, batch).await?;
        let last = &state.last;
        let rows = last.rows.iter().zip(batch.rows()).map(|(before, added)| before + added);
        let entry = Entry {
            watermark: Some(batch.last),
            time: batch.time,
            block_bytes: last.block_bytes + batch.block_bytes,
            rows: rows.collect(),
            finality: state.finality,
            ..last.next(Kind::Append)
        };
        self.write(state, entry).await?;
        state.is_dirty = false;
        Ok(())
    }

    /// Writes `entry` to the log.
    async fn write(&self, state: &mut State, entry: Entry) -> Result<(), SinkError> {
        self.patiently(|| self.store.log.append(&entry)).await?;
        state.last = entry;
        Ok(())
    }

    async fn take_back(
        &self,
        state: &mut State,
        to: BlockRef,
        by: &[BlockRef],
    ) -> Result<(), SinkError> {
        let Some(watermark) = state.last.watermark.filter(|block| block.height > to.height) else {
            return Ok(());
        };
        let heights = to.height + 1..watermark.height + 1;
        let blocks = self.patiently(|| self.store.blocks(heights.clone())).await?;
        let removed = self.patiently(|| self.store.count(heights.clone())).await?;
        let time = self.patiently(|| self.store.time_at(to.height)).await?;
        let bytes: u64 = blocks.iter().map(|(_, size)| size).sum();
        let replaced = order::replaced(blocks.into_iter().map(|(block, _)| block), by);
        let last = &state.last;
        let rows = last.rows.iter().zip(&removed);
        let entry = Entry {
            watermark: Some(to),
            time,
            block_bytes: last.block_bytes.saturating_sub(bytes),
            rows: rows.map(|(rows, removed)| rows.saturating_sub(*removed)).collect(),
            finality: state.finality,
            reorg: Some((to, replaced)),
            ..last.next(Kind::Revert)
        };
        // First nobody sees the rows any more, then they go.
        state.is_dirty = true;
        self.write(state, entry).await?;
        self.clean(state).await
    }

    /// What `work` gives, which is tried again for a while if what hinders it may pass.
    async fn patiently<T, F>(&self, work: impl Fn() -> F + Send + Sync) -> Result<T, SinkError>
    where
        F: Future<Output = Result<T, Error>> + Send,
    {
        let mut retries = 0;
        loop {
            match work().await {
                Err(error) if error.is_passing() && retries < MOST_RETRIES => {
                    let pause = FIRST_PAUSE * 2u32.pow(retries);
                    tracing::warn!(%error, pause_ms = pause.as_millis() as u64, "trying again");
                    Meter::new(self.store.chain).retried(metrics::STORE);
                    tokio::time::sleep(pause).await;
                    retries += 1;
                }
                result => return Ok(result?),
            }
        }
    }
}

/// Begins a session: from here on no other can write.
async fn begin(store: &Store) -> Result<Entry, Error> {
    let before = store.log.last().await?.unwrap_or_else(|| Entry::before_all(store.chain));
    let entry = Entry { session: store.session.clone(), ..before.next(Kind::Open) };
    store.log.append(&entry).await?;
    Ok(entry)
}

/// The height that comes next.
fn next_height(last: &Entry, info: &LakeInfo) -> u64 {
    last.watermark.map_or(info.from, |block| block.height + 1)
}

#[async_trait]
impl Sink for ClickHouseSink {
    type Encoded = EncodedBatch;

    fn info(&self) -> &LakeInfo {
        &self.info
    }

    fn cuts(&self) -> Cuts {
        Cuts::of(self.store.chain)
    }

    async fn block_bytes(&self) -> Result<u64, SinkError> {
        Ok(self.state().await?.last.block_bytes)
    }

    async fn watermark(&self) -> Result<Option<BlockRef>, SinkError> {
        Ok(self.state().await?.last.watermark)
    }

    async fn last_time(&self) -> Option<i64> {
        self.state().await.ok()?.last.time
    }

    async fn blocks_up_to(&self, last: u64, count: u64) -> Result<Vec<BlockRef>, SinkError> {
        let end = next_height(&self.state().await?.last, &self.info).min(last + 1);
        let heights = (last + 1).saturating_sub(count)..end;
        let blocks = self.patiently(|| self.store.blocks(heights.clone())).await?;
        Ok(blocks.into_iter().map(|(block, _)| block).collect())
    }

    fn encode(&self, batch: &Batch) -> Result<EncodedBatch, SinkError> {
        EncodedBatch::of(batch)
    }

    async fn commit(&self, batch: EncodedBatch) -> Result<(), SinkError> {
        let mut state = self.state().await?;
        let watermark = state.last.watermark;
        if !order::is_next(watermark, self.info.from, &batch.first, &batch.last)? {
            return Ok(()); // committed before
        }
        self.add(&mut state, &batch).await
    }

    async fn flush(&self) -> Result<(), SinkError> {
        Ok(()) // every commit is visible at once
    }

    async fn revert(&self, to: BlockRef, by: &[BlockRef]) -> Result<(), SinkError> {
        let mut state = self.state().await?;
        self.take_back(&mut state, to, by).await
    }

    async fn settle(&self, finality: Finality) -> Result<(), SinkError> {
        self.state.lock().await.finality = finality;
        Ok(())
    }

    async fn finality(&self) -> Result<Finality, SinkError> {
        Ok(self.state.lock().await.finality)
    }

    async fn compact(&self, _: usize) -> Result<(), SinkError> {
        Ok(()) // the server merges by itself
    }

    async fn record_run(&self, run: &RunInfo) -> Result<(), SinkError> {
        self.patiently(|| self.store.log.record_run(run)).await
    }
}
