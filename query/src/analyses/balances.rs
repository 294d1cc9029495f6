//! What each address holds, kept up to date: `analytics.balances`.
//!
//! A run adds to what there was what came and went since, in SQL (`sql/analyses/balances/`), which spills to
//! disk what does not fit into memory.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use arrow::array::RecordBatch;
use arrow::compute::{BatchCoalescer, cast};
use arrow::error::ArrowError;
use assay_model::Chain;
use assay_model::derived::{BALANCES, DerivedTable};
use futures::StreamExt;

use super::chain::{ChainOptions, final_chain, missing_flows};
use super::course::{Course, Subject};
use super::series::TableWriter;
use crate::{QueryError, Session};

/// Name and version of the method: it changes whenever a row could.
const METHOD: &str = "balances/1";
/// The tables that are filled.
static TABLES: [&DerivedTable; 1] = [&BALANCES];
/// Rows that are written at once: always as many, so that equal rows make equal files.
const WRITTEN_ROWS: usize = 1 << 16;

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

/// Brings the balances of a chain up to its last final block.
///
/// `progress` is told now and then how many addresses are done, and may break it off.
///
/// # Errors
///
/// If the store is no lake or does not have the chain, cannot be read or written, or if another process is
/// at it.
pub async fn run(
    session: &Session,
    options: &ChainOptions,
    mut progress: impl FnMut(u64) -> ControlFlow<()>,
) -> Result<Summary, QueryError> {
    let chain = options.chain;
    let whole = final_chain(session, chain, options.confirmations, 0).await?;
    let missing = missing_flows(session, chain).await?.unwrap_or_default();
    let subject = Subject {
        name: format!("balances-{chain}"),
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
    let mut rows = session.query(&sql(chain, whole.from, from, to)).await?;
    let mut coalesced = BatchCoalescer::new(BALANCES.schema(), WRITTEN_ROWS);
    while let Some(batch) = rows.next().await {
        coalesced.push_batch(conformed(&batch?)?).map_err(engine_error)?;
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

fn sql(chain: Chain, first: u64, from: u64, to: u64) -> String {
    let sql = match chain {
        Chain::Bitcoin => include_str!("../../../sql/analyses/balances/bitcoin.sql"),
        Chain::Ethereum => include_str!("../../../sql/analyses/balances/ethereum.sql"),
    };
    sql.replace("$first", &first.to_string())
        .replace("$from", &from.to_string())
        .replace("$to", &to.to_string())
}

/// `batch` with the types of the table.
fn conformed(batch: &RecordBatch) -> Result<RecordBatch, QueryError> {
    let schema = BALANCES.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let columns = columns.map(|(field, column)| cast(column, field.data_type()));
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(engine_error)?;
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
