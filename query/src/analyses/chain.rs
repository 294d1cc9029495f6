//! The part of a chain that analyses go through: blocks that are final, in whole days.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use assay_model::{BlockHash, Chain};
use futures::TryStreamExt;

use super::calendar::{Day, whole_days};
use crate::{Asset, QueryError, Session};

/// Blocks of Ethereum after which one is taken to be final where its node does not say: two epochs.
const ETHEREUM_CONFIRMATIONS: u64 = 64;
/// The same of Bitcoin, the block itself included.
const BITCOIN_CONFIRMATIONS: u64 = 6;

/// What is computed of a chain as a whole.
#[derive(Clone, Copy, Debug)]
pub struct ChainOptions {
    /// Of which chain.
    pub chain: Chain,
    /// How many blocks there have to be, a block itself included, until it is final; what the node says, or
    /// what is usual on the chain, if absent.
    pub confirmations: Option<u64>,
}

/// The final part of a chain.
pub(super) struct FinalChain {
    /// First height.
    pub(super) from: u64,
    /// Last height; `None` if none is final.
    pub(super) last: Option<u64>,
    pub(super) days: Vec<Day>,
}

/// The final part of `chain`: blocks with so many confirmations, themselves included, or else what the
/// node says, or what is usual. Days are whole if no block can be of them that is not final, nor within
/// `margin` microseconds after them.
pub(super) async fn final_chain(
    session: &Session,
    chain: Chain,
    confirmations: Option<u64>,
    margin: i64,
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
        let column = batch.column(1).as_primitive::<TimestampMicrosecondType>();
        times.extend_from_slice(column.values());
    }
    let from = from.unwrap_or_default();
    let last = (from + times.len() as u64).checked_sub(1).filter(|_| !times.is_empty());
    Ok(FinalChain { from, last, days: whole_days(from, &times, margin) })
}

/// The hash of the block at `height`, if there is one.
pub(super) async fn block_hash(
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

/// Which flows of `asset` the store does not know; `None` if none. Only ether has some that no block tells of.
pub(super) async fn missing_flows(
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

/// All rows of one statement.
pub(super) async fn collect(session: &Session, sql: &str) -> Result<Vec<RecordBatch>, QueryError> {
    session.query(sql).await?.try_collect().await.map_err(QueryError::from)
}
