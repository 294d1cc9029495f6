//! What a chain did, day by day: `analytics.network_daily`.
//!
//! The figures of a few days at a time are SQL, in `sql/analyses/network/`; what needs what was before,
//! the supply and which addresses are new, is added here.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufWriter};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Int64Type, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use assay_model::Chain;
use assay_model::derived::{DerivedTable, NETWORK_DAILY};

use super::calendar::Day;
use super::chain::{ChainOptions, collect, final_chain, missing_flows};
use super::course::{Course, Progress, Subject};
use crate::{Asset, QueryError, Session};

/// Name and version of the method: it changes whenever a row could.
const METHOD: &str = "network/1";
/// The tables that are filled.
static TABLES: [&DerivedTable; 1] = [&NETWORK_DAILY];
/// How long an output has to stay where it is to count as moved, microseconds.
const STAYS_MICROS: i64 = 3_600_000_000;
/// Blocks within which an output may be spent again within that time: headers may be two hours ahead of
/// their time, and Bitcoin's come every ten minutes or so.
const BLOCKS_WITHIN_STAY: u64 = 100;
/// Blocks whose figures are computed at once, about.
const CHUNK_BLOCKS: u64 = 2_000;
/// Days whose figures are computed at once, at most.
const CHUNK_DAYS: usize = 64;
/// How long a run goes on before it makes what it has be seen.
const COMMIT_EVERY: Duration = Duration::from_secs(300);

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Whole days that it added.
    pub days: usize,
    /// The last height that the series rests on; `None` if there is no whole day yet.
    pub height: Option<u64>,
    /// Why everything was computed anew; `None` if it was not, or there was nothing before.
    pub anew: Option<String>,
    /// Whether it was stopped before its end.
    pub is_stopped: bool,
}

/// Computes what a chain did, or goes on with it.
///
/// `progress` is told now and then how far it is, and may break it off: what is done by then is kept.
///
/// # Errors
///
/// If the store is no lake or does not have the chain, cannot be read or written, or if another process is
/// at it.
pub async fn run(
    session: &Session,
    options: &ChainOptions,
    mut progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Summary, QueryError> {
    let chain = options.chain;
    let whole = final_chain(session, chain, options.confirmations, STAYS_MICROS).await?;
    let missing = missing_flows(session, &Asset::Coin(chain)).await?;
    let subject = Subject {
        name: format!("network-{chain}"),
        method: METHOD,
        chain,
        from: whole.from,
        parameters: BTreeMap::from([("missing".to_owned(), missing.clone().unwrap_or_default())]),
        tables: &TABLES,
    };
    let mut course = Course::open(session, subject).await?;
    let done = course.rows()?;
    let mut supply = done.as_ref().map_or(0, last_supply);
    let days = &whole.days[done.map_or(0, |rows| rows.num_rows()).min(whole.days.len())..];
    let next = course.height().map_or(whole.from, |height| height + 1);
    let (mut at, mut first) = (0, next);
    let mut is_stopped = false;
    if let Some(to) = days.last().map(|day| day.last) {
        let new = new_addresses(session, chain, next, to).await?;
        let mut committed = Instant::now();
        while at < days.len() && !is_stopped {
            let chunk = first_days(first, &days[at..]);
            let rows = figures(session, chain, first, chunk).await?;
            let rows = with_what_was_before(&rows, &mut supply, &new, missing.as_deref());
            course.add([rows.map_err(engine_error)?]);
            at += chunk.len();
            first = days[at - 1].last + 1;
            is_stopped = progress(Progress { from: next, height: first - 1, to }).is_break();
            if is_stopped || at == days.len() || committed.elapsed() > COMMIT_EVERY {
                let nothing = None::<fn(&mut BufWriter<File>) -> io::Result<()>>;
                course.commit(first - 1, nothing).await?;
                committed = Instant::now();
            }
        }
    }
    Ok(Summary {
        days: at,
        height: course.height(),
        anew: course.anew().map(str::to_owned),
        is_stopped: is_stopped && at < days.len(),
    })
}

/// The first of `days`, which begin at height `from`, that are computed at once.
fn first_days(from: u64, days: &[Day]) -> &[Day] {
    let fitting = days.partition_point(|day| day.last < from + CHUNK_BLOCKS);
    &days[..fitting.clamp(1, CHUNK_DAYS.min(days.len()))]
}

/// The figures of `days`, which begin at height `from`, but for those that need what was before.
async fn figures(
    session: &Session,
    chain: Chain,
    from: u64,
    days: &[Day],
) -> Result<RecordBatch, QueryError> {
    let row = |day: &Day| format!("(to_timestamp_micros({}), {})", day.start, day.last);
    let rows = days.iter().map(row).collect::<Vec<_>>().join(", ");
    let to = days.last().map_or(from, |day| day.last);
    let sql = match chain {
        Chain::Bitcoin => include_str!("../../../../sql/analyses/network/bitcoin.sql"),
        Chain::Ethereum => include_str!("../../../../sql/analyses/network/ethereum.sql"),
    };
    let hour_after = (to + BLOCKS_WITHIN_STAY).to_string();
    let sql = sql.replace("$days", &rows).replace("$hour_after", &hour_after);
    let batches = collect(session, &between(&sql, from, to)).await?;
    let schema = batches.first().map(RecordBatch::schema);
    let schema = schema.ok_or_else(|| QueryError::Engine("there are no days".to_owned()))?;
    concat_batches(&schema, &batches).map_err(engine_error)
}

/// The number of new addresses of each day from height `from` to `to`, by the beginning of the day.
async fn new_addresses(
    session: &Session,
    chain: Chain,
    from: u64,
    to: u64,
) -> Result<HashMap<i64, i64>, QueryError> {
    let sql = match chain {
        Chain::Bitcoin => {
            include_str!("../../../../sql/analyses/network/bitcoin_new_addresses.sql")
        }
        Chain::Ethereum => {
            include_str!("../../../../sql/analyses/network/ethereum_new_addresses.sql")
        }
    };
    let mut new = HashMap::new();
    for batch in collect(session, &between(sql, from, to)).await? {
        let days = batch.column(0).as_primitive::<TimestampMicrosecondType>().values();
        let counts = batch.column(1).as_primitive::<Int64Type>().values();
        new.extend(days.iter().copied().zip(counts.iter().copied()));
    }
    Ok(new)
}

fn between(sql: &str, from: u64, to: u64) -> String {
    sql.replace("$from", &from.to_string()).replace("$to", &to.to_string())
}

/// Rows of the table: `figures` with the supply, which was `supply` before, and the new addresses.
fn with_what_was_before(
    figures: &RecordBatch,
    supply: &mut i128,
    new: &HashMap<i64, i64>,
    missing: Option<&str>,
) -> Result<RecordBatch, ArrowError> {
    let decimals = |name: &str| -> Result<ArrayRef, ArrowError> {
        let column = figures.column_by_name(name).expect("the query names it");
        cast(column, &DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0))
    };
    let (issued, lost) = (decimals("issued")?, decimals("lost")?);
    let changes = issued.as_primitive::<Decimal128Type>().values().iter();
    let changes = changes.zip(lost.as_primitive::<Decimal128Type>().values());
    let supplies = changes.map(|(issued, lost)| {
        *supply += issued - lost;
        *supply
    });
    let supplies = Decimal128Array::from_iter_values(supplies);
    let supplies = supplies.with_precision_and_scale(DECIMAL128_MAX_PRECISION, 0)?;
    let days = figures.column_by_name("day").expect("the query names it");
    let days = cast(days, &NETWORK_DAILY.schema().field_with_name("day")?.data_type().clone())?;
    let days = days.as_primitive::<TimestampMicrosecondType>().values().iter();
    let new = days.map(|day| new.get(day).copied().unwrap_or_default());
    let new = Int64Array::from_iter_values(new);
    let same = |text: Option<&str>| -> ArrayRef {
        Arc::new(StringArray::from(vec![text; figures.num_rows()]))
    };
    let schema = NETWORK_DAILY.schema();
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        "supply" => Ok(Arc::new(supplies.clone()) as ArrayRef),
        "new_addresses" => Ok(Arc::new(new.clone()) as ArrayRef),
        "missing" => Ok(same(missing)),
        "method" => Ok(same(Some(METHOD))),
        name => cast(figures.column_by_name(name).expect("the query names it"), field.data_type()),
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(Arc::clone(&schema), columns)
}

/// The supply in the last of `rows`.
fn last_supply(rows: &RecordBatch) -> i128 {
    let column = rows.column_by_name("supply").expect("a column of the table");
    column.as_primitive::<Decimal128Type>().iter().flatten().last().unwrap_or_default()
}

fn engine_error(error: ArrowError) -> QueryError {
    QueryError::Engine(error.to_string())
}
