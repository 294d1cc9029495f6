//! What each address holds, kept up to date: `analytics.balances`.
//!
//! A run adds to what there was what came and went since, in SQL (`sql/analyses/balances/`), which spills to
//! disk what does not fit into memory.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use arrow::array::{Array, RecordBatch};
use arrow::compute::{BatchCoalescer, cast};
use arrow::error::ArrowError;
use assay_model::Chain;
use assay_model::derived::{BALANCES, DerivedTable};
use futures::StreamExt;

use super::chain::{final_chain, missing_flows};
use super::course::{Course, Subject};
use super::series::TableWriter;
use crate::{Asset, QueryError, Session};

/// Name and version of the method: it changes whenever a row could.
const METHOD: &str = "balances/1";
/// The tables that are filled.
static TABLES: [&DerivedTable; 1] = [&BALANCES];
/// Rows that are written at once: always as many, so that equal rows make equal files.
const WRITTEN_ROWS: usize = 1 << 16;

/// What is computed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who holds what of it.
    pub asset: Asset,
    /// How many blocks there have to be, a block itself included, until it is final; what the node says, or
    /// what is usual on the chain, if absent.
    pub confirmations: Option<u64>,
}

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Addresses that hold something; `None` if nothing was to be done.
    pub addresses: Option<u64>,
    /// The height that balances are as of; `None` if no block is final yet.
    pub height: Option<u64>,
    /// Why everything was computed anew; `None` if it was not, or there was nothing before.
    pub anew: Option<String>,
    /// Whether it was stopped before its end: then nothing was changed.
    pub is_stopped: bool,
}

/// Brings the balances of an asset up to the last final block of its chain.
///
/// `progress` is told now and then how many addresses are done, and may break it off.
///
/// # Errors
///
/// If the store does not have the chain, cannot be read or written, if another process is at it, or if
/// amounts are too large.
pub async fn run(
    session: &Session,
    options: &Options,
    mut progress: impl FnMut(u64) -> ControlFlow<()>,
) -> Result<Summary, QueryError> {
    let asset = &options.asset;
    let chain = asset.chain();
    let whole = final_chain(session, chain, options.confirmations, 0).await?;
    let missing = missing_flows(session, asset).await?.unwrap_or_default();
    let subject = Subject {
        name: format!("balances-{asset}"),
        method: METHOD,
        chain,
        from: whole.from,
        parameters: BTreeMap::from([("missing".to_owned(), missing)]),
        tables: &TABLES,
    };
    let mut course = Course::open(session, subject).await?;
    let mut summary = Summary {
        addresses: None,
        height: course.height(),
        anew: course.anew().map(str::to_owned),
        is_stopped: false,
    };
    let from = course.height().map_or(whole.from, |height| height + 1);
    let Some(to) = whole.last.filter(|last| *last >= from) else { return Ok(summary) };
    let mut writer = course.table_writer(&BALANCES, to).await?;
    let mut written = 0;
    let mut rows = session.query(&sql(asset, whole.from, from, to)).await?;
    let mut coalesced = BatchCoalescer::new(BALANCES.schema(), WRITTEN_ROWS);
    while let Some(batch) = rows.next().await {
        coalesced.push_batch(conformed(&batch?, asset)?).map_err(engine_error)?;
        written += write_completed(&mut coalesced, &mut writer)?;
        if progress(written).is_break() {
            summary.is_stopped = true;
            return Ok(summary);
        }
    }
    coalesced.finish_buffered_batch().map_err(engine_error)?;
    written += write_completed(&mut coalesced, &mut writer)?;
    course.replace(&BALANCES, writer, to).await?;
    Ok(Summary { addresses: Some(written), height: course.height(), ..summary })
}

fn sql(asset: &Asset, first: u64, from: u64, to: u64) -> String {
    let sql = match asset {
        Asset::Coin(Chain::Bitcoin) => include_str!("../../../sql/analyses/balances/bitcoin.sql"),
        Asset::Coin(Chain::Ethereum) => include_str!("../../../sql/analyses/balances/ethereum.sql"),
        Asset::Token(_) => include_str!("../../../sql/analyses/balances/token.sql"),
    };
    sql.replace("$token", &asset.to_string())
        .replace("$first", &first.to_string())
        .replace("$from", &from.to_string())
        .replace("$to", &to.to_string())
}

/// `batch` with the types of the table.
fn conformed(batch: &RecordBatch, asset: &Asset) -> Result<RecordBatch, QueryError> {
    let schema = BALANCES.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let columns = columns.map(|(field, column)| cast(column, field.data_type()));
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(engine_error)?;
    // What does not fit becomes null.
    if columns.iter().any(|column| column.null_count() > 0) {
        return Err(QueryError::TooMuch { asset: asset.to_string() });
    }
    RecordBatch::try_new(schema, columns).map_err(engine_error)
}

/// Writes those rows that are enough for a batch, and returns how many they were.
fn write_completed(
    coalesced: &mut BatchCoalescer,
    writer: &mut TableWriter,
) -> Result<u64, QueryError> {
    let mut rows = 0;
    while let Some(batch) = coalesced.next_completed_batch() {
        writer.write(&batch)?;
        rows += batch.num_rows() as u64;
    }
    Ok(rows)
}

fn engine_error(error: ArrowError) -> QueryError {
    QueryError::Engine(error.to_string())
}
