//! How an asset is held when one block is the last one: exactly, from the balances of all holders.

use std::collections::HashMap;
use std::path::PathBuf;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal256Type, Int64Type, TimestampMicrosecondType};
use arrow::temporal_conversions::timestamp_us_to_datetime;
use assay_model::Chain;
use futures::TryStreamExt;

use super::brackets::{Bracket, Counts, Edges};
use super::entities::Entities;
use super::ledger::{Changed, Holder};
use crate::analyses::chain::missing_flows;
use crate::distribution::{Classes, Collected};
use crate::{Asset, QueryError, Session};

/// For when the question is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum At {
    /// The last block that is indexed.
    #[default]
    Now,
    /// The block at this height.
    Height(u64),
    /// The last block at this moment, microseconds since 1970.
    Moment(i64),
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// What is held.
    pub asset: Asset,
    /// A coin of it has 10 to this power base units.
    pub decimals: u32,
    /// For when.
    pub at: At,
    /// File that says which addresses are one holder's, as for the history; each address is a holder of its
    /// own if absent.
    pub entities: Option<PathBuf>,
}

impl Question {
    /// How `asset`, with as many decimals as are known, is held by address.
    pub fn new(asset: Asset, at: At) -> Question {
        Question { decimals: asset.decimals(), asset, at, entities: None }
    }
}

/// How an asset is held.
#[derive(Clone, Debug)]
pub struct Holdings {
    /// What is held.
    pub asset: Asset,
    /// Who counts as one holder: `address` or `entity`.
    pub basis: &'static str,
    /// A coin of it has 10 to this power base units.
    pub decimals: u32,
    /// The last height that counts.
    pub height: u64,
    /// Header time of that block, microseconds since 1970.
    pub time: i64,
    /// Those who hold more than nothing.
    pub holders: u64,
    /// What they hold together, base units.
    pub held: i128,
    /// By what they hold, the poorest first, up to the last bracket that has anybody.
    pub brackets: Vec<Bracket>,
    /// Which flows the store does not know, so that balances are not whole.
    pub missing: Option<String>,
    classes: Classes,
}

impl Holdings {
    /// Gini's coefficient; `None` if nobody holds anything, as with all that follow.
    pub fn gini(&self) -> Option<f64> {
        self.classes.gini()
    }

    /// Theil's index T, in nats.
    pub fn theil(&self) -> Option<f64> {
        self.classes.theil()
    }

    /// Herfindahl and Hirschman's index, from 0 to 1.
    pub fn hhi(&self) -> Option<f64> {
        self.classes.hhi()
    }

    /// The least number of holders who hold more than `threshold` of what is held.
    pub fn nakamoto(&self, threshold: f64) -> Option<u64> {
        self.classes.nakamoto(threshold)
    }

    /// The share of the `count` richest.
    pub fn top_share(&self, count: u64) -> Option<f64> {
        self.classes.top_share(count)
    }

    /// The share of the richest `fraction` of all holders.
    pub fn top_fraction_share(&self, fraction: f64) -> Option<f64> {
        self.classes.top_fraction_share(fraction)
    }

    /// Lorenz's curve: what share the poorest 0/`points`, 1/`points` … of all holders hold.
    pub fn lorenz(&self, points: u32) -> Option<Vec<f64>> {
        self.classes.lorenz(points)
    }

    /// The smallest power of ten of coins below which at least half of all holders are, and the share of
    /// those who hold less than that.
    pub fn half_hold_less_than(&self) -> Option<(i32, f64)> {
        let mut below = 0;
        for bracket in &self.brackets {
            below += bracket.holders;
            if 2 * below >= self.holders {
                return Some((bracket.to_power?, below as f64 / self.holders as f64));
            }
        }
        None
    }
}

/// How an asset is held at a moment.
///
/// # Errors
///
/// If the chain is not indexed up to that moment, the store or the file of entities cannot be read, or amounts
/// cannot be summed.
pub async fn at(session: &Session, question: &Question) -> Result<Holdings, QueryError> {
    let Question { asset, decimals, at, .. } = question;
    let (decimals, chain) = (*decimals, asset.chain());
    let (basis, entities) = match &question.entities {
        Some(path) => ("entity", Entities::read(path, chain)?),
        None => ("address", Entities::default()),
    };
    let (height, time) = block(session, chain, *at).await?;
    let sql =
        format!("select balance, address from balances_at('{asset}', {height}) where balance <> 0");
    let mut batches = session.query(&sql).await?;
    let edges = Edges::new(decimals);
    let (mut counts, mut collected) = (Counts::new(&edges), Collected::default());
    let too_much = || QueryError::TooMuch { asset: asset.to_string() };
    let mut held = 0i128;
    let mut count = |balance: i128| {
        if balance <= 0 {
            return Ok(());
        }
        held = held.checked_add(balance).ok_or_else(too_much)?;
        counts.change(&edges, Changed { before: 0, after: balance });
        collected.add(balance as f64).map_err(|error| QueryError::Engine(error.to_string()))
    };
    let mut shared: HashMap<Holder, i128> = HashMap::new();
    while let Some(batch) = batches.try_next().await? {
        for (row, balance) in balances(&batch)?.enumerate() {
            let balance = balance.ok_or_else(too_much)?;
            match address(&batch, row).and_then(|address| entities.entity(Holder::of(address))) {
                Some(entity) => {
                    let sum = shared.entry(entity).or_default();
                    *sum = sum.checked_add(balance).ok_or_else(too_much)?;
                }
                None => count(balance)?,
            }
        }
    }
    shared.into_values().try_for_each(&mut count)?;
    let missing = missing_flows(session, asset).await?;
    Ok(Holdings {
        asset: asset.clone(),
        basis,
        decimals,
        height,
        time,
        holders: counts.all().holders,
        held,
        brackets: counts.brackets(&edges),
        missing,
        classes: collected.classes(),
    })
}

/// The address of a row, as text or as bytes.
fn address(batch: &RecordBatch, row: usize) -> Option<&[u8]> {
    let addresses = batch.column(1);
    if addresses.is_null(row) {
        return None;
    }
    match addresses.data_type() {
        DataType::Utf8 => Some(addresses.as_string::<i32>().value(row).as_bytes()),
        _ => Some(addresses.as_binary::<i32>().value(row)),
    }
}

/// Balances as one type; `None` for those that are too large.
fn balances(batch: &RecordBatch) -> Result<impl Iterator<Item = Option<i128>>, QueryError> {
    // Sums are of a wider type than what is summed, and of which depends on the asset.
    let wide = cast(batch.column(0), &DataType::Decimal256(76, 0));
    let wide = wide.map_err(|error| QueryError::Engine(error.to_string()))?;
    let values = wide.as_primitive::<Decimal256Type>().clone();
    Ok((0..values.len()).map(move |row| values.value(row).to_i128()))
}

/// Height and time of the block that is the last one at a moment.
async fn block(session: &Session, chain: Chain, at: At) -> Result<(u64, i64), QueryError> {
    let (filter, asked) = match at {
        At::Now => ("true".to_owned(), None),
        At::Height(height) => (format!("height = {height}"), Some(format!("height {height}"))),
        At::Moment(moment) => {
            let height = format!("block_height('{chain}', to_timestamp_micros({moment}))");
            (
                format!("height = {height}"),
                timestamp_us_to_datetime(moment).map(|at| at.to_string()),
            )
        }
    };
    let sql = format!(
        "select height, time from {chain}.blocks where {filter} order by height desc limit 1"
    );
    let batches: Vec<RecordBatch> = session.query(&sql).await?.try_collect().await?;
    match (batches.iter().find(|batch| batch.num_rows() > 0), asked) {
        (Some(batch), _) => Ok((
            batch.column(0).as_primitive::<Int64Type>().value(0) as u64,
            batch.column(1).as_primitive::<TimestampMicrosecondType>().value(0),
        )),
        (None, Some(asked)) => Err(QueryError::NotReached { chain: chain.name(), asked }),
        (None, None) => Err(QueryError::NotIndexed { chain: chain.name() }),
    }
}
