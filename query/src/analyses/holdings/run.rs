//! A run: from where the last one ended to the last day that is whole and final.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use assay_model::derived::{DerivedTable, Manifest, VERSION};
use assay_model::{BlockHash, Chain};
use futures::TryStreamExt;

use super::amount::{Amount, Wide};
use super::entities::Entities;
use super::flows::{Chunk, Flows};
use super::history::{History, Spread, TooMuch};
use super::rows::{self, Rows, TABLES};
use super::state::{self, Unusable};
use crate::analyses::calendar::{Day, whole_days};
use crate::analyses::series::{Series, Writer};
use crate::{Asset, QueryError, Session};

/// Name and version of the method: it changes whenever a row could.
const METHOD: &str = "holdings/1";
/// Changes that are read at once, about.
const CHUNK_CHANGES: u64 = 1_000_000;
/// Days that are read at once, at most: their histograms are in memory together.
const CHUNK_DAYS: usize = 64;
/// How long a run goes on before it makes what it has be seen, so that little is lost if it breaks off.
const COMMIT_EVERY: Duration = Duration::from_secs(300);
/// Blocks of Ethereum after which one is taken to be final where its node does not say: two epochs.
const ETHEREUM_CONFIRMATIONS: u64 = 64;
/// The same of Bitcoin, the block itself included.
const BITCOIN_CONFIRMATIONS: u64 = 6;

/// What is to be computed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Of what.
    pub asset: Asset,
    /// A coin of it has 10 to this power base units; what is known of the asset if absent.
    pub decimals: Option<u32>,
    /// How many blocks there have to be, a block itself included, until it is final; what the node says, or
    /// what is usual on the chain, if absent.
    pub confirmations: Option<u64>,
    /// File that says which addresses are one holder's: CSV with a header, or Parquet, with the columns
    /// `address` and `entity`. Each address is a holder of its own if absent.
    pub entities: Option<PathBuf>,
    /// Threads that keep the accounts.
    pub threads: NonZeroUsize,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Height at which it began.
    pub from: u64,
    /// Height up to which it is done.
    pub height: u64,
    /// Height at which it will end.
    pub to: u64,
    /// Balances that it changed so far.
    pub changes: u64,
}

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Name of the series.
    pub series: String,
    /// Whole days that it added.
    pub days: usize,
    /// Balances that it changed.
    pub changes: u64,
    /// Those who hold something now, or owe it where flows are missing.
    pub holders: usize,
    /// The last height that the series rests on; `None` if there is no whole day yet.
    pub height: Option<u64>,
    /// Why everything was computed anew; `None` if it was not, or there was nothing before.
    pub anew: Option<String>,
    /// Whether it was stopped before its end.
    pub is_stopped: bool,
}

/// Computes the history of how an asset is held, or goes on with it.
///
/// `progress` is told now and then how far it is, and may break it off: what is done by then is kept.
///
/// # Errors
///
/// If the store is no lake or does not have the chain, cannot be read or written, if another process is at
/// it, or if amounts cannot be summed.
pub async fn run(
    session: &Session,
    options: &Options,
    progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Summary, QueryError> {
    match options.asset {
        Asset::Coin(Chain::Bitcoin) => {
            Run::<i64>::start(session, options).await?.go(progress).await
        }
        Asset::Coin(Chain::Ethereum) | Asset::Token(_) => {
            Run::<Wide>::start(session, options).await?.go(progress).await
        }
    }
}

/// The final part of a chain.
struct FinalChain {
    from: u64,
    days: Vec<Day>,
}

struct Run<'a, A> {
    session: &'a Session,
    asset: &'a Asset,
    series: rows::Series,
    entities: Arc<Entities>,
    chain: FinalChain,
    writer: Writer,
    history: History<A>,
    /// What the last run left.
    before: Option<Manifest>,
    anew: Option<String>,
}

impl<'a, A: Amount> Run<'a, A> {
    async fn start(session: &'a Session, options: &'a Options) -> Result<Run<'a, A>, QueryError> {
        let lake = session.lake_dir().ok_or(QueryError::NoPlace)?;
        let asset = &options.asset;
        let chain = final_chain(session, asset.chain(), options.confirmations).await?;
        let (basis, entities) = match &options.entities {
            Some(path) => ("entity", Entities::read(path, asset.chain())?),
            None => ("address", Entities::default()),
        };
        let series = rows::Series {
            asset: asset.to_string(),
            basis,
            decimals: options.decimals.unwrap_or_else(|| asset.decimals()),
            missing: missing(session, asset).await?,
            method: METHOD.to_owned(),
        };
        let writer = Writer::open(lake)?;
        let history = History::new(series.decimals, options.threads.get());
        let mut run = Run {
            session,
            asset,
            series,
            entities: Arc::new(entities),
            chain,
            writer,
            history,
            before: None,
            anew: None,
        };
        run.resume().await?;
        Ok(run)
    }

    fn name(&self) -> String {
        format!("holdings-{}-{}", self.series.asset, self.series.basis)
    }

    /// What all rows depend on beside the chain.
    fn parameters(&self) -> BTreeMap<String, String> {
        let missing = self.series.missing.clone().unwrap_or_default();
        let entities = self.entities.fingerprint().unwrap_or_default().to_owned();
        let decimals = self.series.decimals.to_string();
        let all = [("decimals", decimals), ("entities", entities), ("missing", missing)];
        all.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// Goes to where the last run ended, if that is still on the chain and was computed in the same way.
    async fn resume(&mut self) -> Result<(), QueryError> {
        let (before, state_file) = {
            let series = self.writer.series(&self.name())?;
            let Some(before) = series.manifest()? else { return Ok(()) };
            let is_same = before.method == self.series.method
                && before.from == self.chain.from
                && before.parameters == self.parameters();
            if !is_same {
                self.anew = Some("it was computed by another method or of other blocks".to_owned());
                return Ok(());
            }
            let state_file = (series.path(&before.state), series.state(&before)?);
            (before, state_file)
        };
        let hash = block_hash(self.session, self.asset.chain(), before.height).await?;
        if hash != Some(before.hash) {
            self.anew = Some(format!("block {} is not the one that it was", before.height));
            return Ok(());
        }
        let (path, mut file) = state_file;
        match state::read(&mut self.history, &mut file) {
            Ok(()) => {
                self.before = Some(before);
                Ok(())
            }
            Err(Unusable::Damaged) => {
                self.anew = Some(format!("'{}' is damaged", path.display()));
                self.history = History::new(self.series.decimals, self.history.workers());
                Ok(())
            }
            Err(Unusable::Io(source)) => Err(QueryError::Read { path, source }),
        }
    }

    async fn go(
        mut self,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Summary, QueryError> {
        let done = self.before.as_ref().map(|before| before.height);
        let next = done.map_or(self.chain.from, |height| height + 1);
        let days = std::mem::take(&mut self.chain.days);
        let done_days = match &self.before {
            Some(before) => {
                let series = self.writer.series(&self.name())?;
                let rows = series.rows(before, TABLES[0])?;
                rows.num_rows()
            }
            None => 0,
        };
        let days = &days[done_days.min(days.len())..];
        let Some(to) = days.last().map(|day| day.last) else {
            return Ok(self.summary(0, 0, false));
        };

        let flows = Flows {
            session: self.session,
            asset: self.asset,
            entities: Arc::clone(&self.entities),
            workers: self.history.workers(),
        };
        let mut pending = Pending::default();
        let (mut changes, mut at, mut first) = (0, 0, next);
        let mut size = 1;
        let mut committed = Instant::now();
        let mut is_stopped = false;
        let mut chunk = flows.read::<A>(first, &days[..size]).await?;
        while at < days.len() {
            let end = at + size;
            first = days[end - 1].last + 1;
            changes += chunk.changes;
            let next_size = next_size(size, chunk.changes).min(days.len() - end);
            // The next days are read while these are gone through.
            let (lived, read) = tokio::join!(
                live(self.history, chunk),
                flows.read::<A>(first, &days[end..end + next_size])
            );
            let (history, spreads) = lived?;
            self.history = history;
            pending.add(
                &self.series,
                &self.history,
                &spreads.map_err(|TooMuch| flows.too_much())?,
            )?;
            (at, size) = (end, next_size);
            let told = Progress { from: next, height: first - 1, to, changes };
            is_stopped = progress(told).is_break();
            if is_stopped || at == days.len() || committed.elapsed() > COMMIT_EVERY {
                self.commit(&mut pending, days[at - 1].last).await?;
                committed = Instant::now();
            }
            if is_stopped {
                break;
            }
            chunk = read?;
        }
        Ok(self.summary(at, changes, is_stopped && at < days.len()))
    }

    fn summary(&self, days: usize, changes: u64, is_stopped: bool) -> Summary {
        Summary {
            series: self.name(),
            days,
            changes,
            holders: self.history.len(),
            height: self.before.as_ref().map(|before| before.height),
            anew: self.anew.clone(),
            is_stopped,
        }
    }

    /// Makes all rows up to `height` be seen.
    async fn commit(&mut self, pending: &mut Pending, height: u64) -> Result<(), QueryError> {
        let chain = self.asset.chain();
        let hash = block_hash(self.session, chain, height).await?;
        let hash = hash.ok_or(QueryError::Reorganised { chain: chain.name() })?;
        let manifest = Manifest {
            version: VERSION,
            method: self.series.method.clone(),
            chain,
            from: self.chain.from,
            height,
            hash,
            parameters: self.parameters(),
            files: BTreeMap::new(),
            state: String::new(),
        };
        let series = self.writer.series(&self.name())?;
        let mut tables = Vec::with_capacity(TABLES.len());
        for (table, added) in TABLES.into_iter().zip(pending.take()) {
            tables.push((table, with_those_before(&series, self.before.as_ref(), table, added)?));
        }
        let manifest =
            series.commit(manifest, &tables, |file| state::write(&self.history, file))?;
        self.before = Some(manifest);
        Ok(())
    }
}

/// Rows that are yet to be committed, by table.
#[derive(Default)]
struct Pending([Vec<RecordBatch>; 3]);

impl Pending {
    fn add<A: Amount>(
        &mut self,
        series: &rows::Series,
        history: &History<A>,
        spreads: &[Spread],
    ) -> Result<(), QueryError> {
        let rows: Rows = rows::rows(series, history.edges(), spreads).map_err(engine_error)?;
        self.0.iter_mut().zip(rows).for_each(|(all, rows)| all.push(rows));
        Ok(())
    }

    fn take(&mut self) -> [Vec<RecordBatch>; 3] {
        std::mem::take(&mut self.0)
    }
}

/// The rows of a table that there were, and those that were added.
fn with_those_before(
    series: &Series<'_>,
    before: Option<&Manifest>,
    table: &DerivedTable,
    added: Vec<RecordBatch>,
) -> Result<RecordBatch, QueryError> {
    let old = before.map(|before| series.rows(before, table)).transpose()?;
    let all: Vec<_> = old.into_iter().chain(added).collect();
    concat_batches(&table.schema(), &all).map_err(engine_error)
}

fn engine_error(error: arrow::error::ArrowError) -> QueryError {
    QueryError::Engine(error.to_string())
}

/// Lets `history` go along with `chunk` where that keeps no other task waiting.
async fn live<A: Amount>(
    mut history: History<A>,
    chunk: Chunk<A>,
) -> Result<(History<A>, Result<Vec<Spread>, TooMuch>), QueryError> {
    let work = tokio::task::spawn_blocking(move || {
        let spreads = history.live(&chunk.days);
        (history, spreads)
    });
    work.await.map_err(|error| QueryError::Engine(error.to_string()))
}

/// How many days to read after `days` of them had so many changes.
fn next_size(days: usize, changes: u64) -> usize {
    let fitting = (days as u64 * CHUNK_CHANGES / changes.max(1)) as usize;
    // No faster than to twice as many: chains grow suddenly.
    fitting.clamp(1, (2 * days).min(CHUNK_DAYS))
}

/// The whole and final days of `chain`.
async fn final_chain(
    session: &Session,
    chain: Chain,
    confirmations: Option<u64>,
) -> Result<FinalChain, QueryError> {
    let sql =
        format!("select height, finalized_height from system.watermarks where chain = '{chain}'");
    let tips = collect(session, &sql).await?;
    let value = |column: usize| {
        let batch = tips.iter().find(|batch| batch.num_rows() > 0)?;
        batch.column(column).as_primitive::<Int64Type>().iter().next().flatten()
    };
    let tip = value(0).ok_or(QueryError::NotIndexed { chain: chain.name() })? as u64;
    let finalized = value(1).map(|height| height as u64);
    let end = match (confirmations, chain, finalized) {
        (Some(count), ..) => (tip + 1).saturating_sub(count.saturating_sub(1)),
        (None, Chain::Ethereum, Some(finalized)) => finalized.min(tip) + 1,
        (None, Chain::Ethereum, None) => (tip + 2).saturating_sub(ETHEREUM_CONFIRMATIONS),
        (None, Chain::Bitcoin, _) => (tip + 2).saturating_sub(BITCOIN_CONFIRMATIONS),
    };
    let sql =
        format!("select height, time from {chain}.blocks where height < {end} order by height");
    let (mut from, mut times) = (None, Vec::new());
    for batch in collect(session, &sql).await? {
        let heights = batch.column(0).as_primitive::<Int64Type>();
        from = from.or(heights.values().first().map(|height| *height as u64));
        times
            .extend_from_slice(batch.column(1).as_primitive::<TimestampMicrosecondType>().values());
    }
    let from = from.unwrap_or_default();
    Ok(FinalChain { from, days: whole_days(from, &times) })
}

async fn block_hash(
    session: &Session,
    chain: Chain,
    height: u64,
) -> Result<Option<BlockHash>, QueryError> {
    let sql = format!("select hash from {chain}.blocks where height = {height}");
    let batches = collect(session, &sql).await?;
    let hash = batches
        .iter()
        .find(|batch| batch.num_rows() > 0)
        .and_then(|batch| <[u8; 32]>::try_from(batch.column(0).as_binary::<i32>().value(0)).ok());
    Ok(hash.map(BlockHash))
}

/// Which flows of `asset` the store does not know.
pub(super) async fn missing(
    session: &Session,
    asset: &Asset,
) -> Result<Option<String>, QueryError> {
    if *asset != Asset::Coin(Chain::Ethereum) {
        return Ok(None);
    }
    let batches = collect(session, "select ethereum_missing_flows()").await?;
    let text = batches.first().and_then(|batch| {
        batch.column(0).as_string::<i32>().iter().next().flatten().map(str::to_owned)
    });
    Ok(text)
}

async fn collect(session: &Session, sql: &str) -> Result<Vec<RecordBatch>, QueryError> {
    session.query(sql).await?.try_collect().await.map_err(QueryError::from)
}
