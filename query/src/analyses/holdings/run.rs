//! A run: from where the last one ended to the last day that is whole and final.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use assay_model::Chain;

use super::amount::{Amount, Wide};
use super::entities::Entities;
use super::flows::{Chunk, Flows};
use super::history::{History, Spread, TooMuch};
use super::rows::{self, TABLES};
use super::state::{self, Unusable};
use crate::analyses::calendar::Day;
use crate::analyses::chain::{final_chain, missing_flows};
use crate::analyses::course::{Course, Progress, Subject};
use crate::{Asset, QueryError, Session};

/// Name and version of the method: it changes whenever a row could.
const METHOD: &str = "holdings/1";
/// Changes that are read at once, about.
const CHUNK_CHANGES: u64 = 1_000_000;
/// Days that are read at once, at most: their histograms are in memory together.
const CHUNK_DAYS: usize = 64;
/// How long a run goes on before it makes what it has be seen, so that little is lost if it breaks off.
const COMMIT_EVERY: Duration = Duration::from_secs(300);
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

struct Run<'a, A> {
    session: &'a Session,
    asset: &'a Asset,
    series: rows::Series,
    entities: Arc<Entities>,
    days: Vec<Day>,
    course: Course<'a>,
    history: History<A>,
}

impl<'a, A: Amount> Run<'a, A> {
    async fn start(session: &'a Session, options: &'a Options) -> Result<Run<'a, A>, QueryError> {
        let asset = &options.asset;
        let chain = final_chain(session, asset.chain(), options.confirmations, 0).await?;
        let (basis, entities) = match &options.entities {
            Some(path) => ("entity", Entities::read(path, asset.chain())?),
            None => ("address", Entities::default()),
        };
        let missing = missing_flows(session, asset).await?;
        let series = rows::Series {
            asset: asset.to_string(),
            basis,
            decimals: options.decimals.unwrap_or_else(|| asset.decimals()),
            missing,
            method: METHOD,
        };
        let subject = Subject {
            name: format!("holdings-{}-{basis}", series.asset),
            method: METHOD,
            chain: asset.chain(),
            from: chain.from,
            parameters: parameters(&series, &entities),
            tables: &TABLES,
        };
        let course = Course::open(session, subject).await?;
        let history = History::new(series.decimals, options.threads.get());
        let entities = Arc::new(entities);
        let mut run = Run { session, asset, series, entities, days: chain.days, course, history };
        run.resume()?;
        Ok(run)
    }

    /// Takes up what each holder held when the last run ended.
    fn resume(&mut self) -> Result<(), QueryError> {
        let Some((path, mut file)) = self.course.state()? else { return Ok(()) };
        match state::read(&mut self.history, &mut file) {
            Ok(()) => Ok(()),
            Err(Unusable::Damaged) => {
                self.course.start_anew(format!("'{}' is damaged", path.display()));
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
        let next = self.course.height().map_or(self.course.subject.from, |height| height + 1);
        let done_days = self.course.rows()?.map_or(0, |rows| rows.num_rows());
        let days = std::mem::take(&mut self.days);
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
            let spreads = spreads.map_err(|TooMuch| flows.too_much())?;
            let rows = rows::rows(&self.series, self.history.edges(), &spreads);
            self.course.add(rows.map_err(|error| QueryError::Engine(error.to_string()))?);
            (at, size) = (end, next_size);
            is_stopped = progress(Progress { from: next, height: first - 1, to }).is_break();
            if is_stopped || at == days.len() || committed.elapsed() > COMMIT_EVERY {
                let write = |file: &mut _| state::write(&self.history, file);
                self.course.commit(days[at - 1].last, Some(write)).await?;
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
            series: self.course.subject.name.clone(),
            days,
            changes,
            holders: self.history.len(),
            height: self.course.height(),
            anew: self.course.anew().map(str::to_owned),
            is_stopped,
        }
    }
}

/// What all rows depend on beside the chain.
fn parameters(series: &rows::Series, entities: &Entities) -> BTreeMap<String, String> {
    let parameters = [
        ("decimals", series.decimals.to_string()),
        ("entities", entities.fingerprint().unwrap_or_default().to_owned()),
        ("missing", series.missing.clone().unwrap_or_default()),
    ];
    parameters.map(|(name, value)| (name.to_owned(), value)).into()
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
