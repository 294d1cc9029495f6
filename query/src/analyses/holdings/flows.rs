//! What came to holders of an asset and went from them, read day by day.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, Decimal256Type, Int64Type};
use assay_model::Chain;
use futures::StreamExt;

use super::amount::Amount;
use super::entities::Entities;
use super::history::{Changes, TooMuch};
use super::ledger::Holder;
use crate::analyses::calendar::Day;
use crate::{Asset, QueryError, Session};

/// Who mints and burns tokens: it stands for those that do not exist yet, or no more.
const ZERO_ADDRESS: &str = "0x0000000000000000000000000000000000000000";

/// Reads the flows of an asset.
pub(super) struct Flows<'a> {
    pub(super) session: &'a Session,
    pub(super) asset: &'a Asset,
    /// Which addresses are one holder's.
    pub(super) entities: Arc<Entities>,
    /// Among how many workers the holders are shared.
    pub(super) workers: usize,
}

/// Where the amount of a flow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Received,
    Sent,
}

/// The changes of consecutive days, and how many there are.
pub(super) struct Chunk<A> {
    pub(super) days: Vec<Changes<A>>,
    pub(super) changes: u64,
}

impl Flows<'_> {
    /// What changed on `days`, which begin at height `from`.
    pub(super) async fn read<A: Amount>(
        &self,
        from: u64,
        days: &[Day],
    ) -> Result<Chunk<A>, QueryError> {
        let mut chunk = Chunk {
            days: days.iter().map(|day| Changes::new(*day, self.workers)).collect(),
            changes: 0,
        };
        let Some(last) = days.last() else { return Ok(chunk) };
        for side in [Side::Received, Side::Sent] {
            let mut batches = self.session.query(&self.sql(side, from, last.last)).await?;
            while let Some(batch) = batches.next().await {
                let batch = batch?;
                chunk.changes += batch.num_rows() as u64;
                chunk.add(side, &batch, &self.entities).map_err(|TooMuch| self.too_much())?;
            }
        }
        Ok(chunk)
    }

    /// The error for amounts that cannot be summed.
    pub(super) fn too_much(&self) -> QueryError {
        QueryError::TooMuch { asset: self.asset.to_string() }
    }

    /// The query of address, value and height of one side of all flows from one height to another,
    /// inclusive. An address that is null is nobody's: what comes there is in the supply alone.
    fn sql(&self, side: Side, from: u64, to: u64) -> String {
        let heights = format!("height between {from} and {to}");
        match (self.asset, side) {
            (Asset::Coin(Chain::Bitcoin), Side::Received) => format!(
                "select address, value, height from bitcoin.outputs where is_spendable and {heights}"
            ),
            (Asset::Coin(Chain::Bitcoin), Side::Sent) => {
                format!("select address, value, height from bitcoin.inputs where {heights}")
            }
            (Asset::Coin(Chain::Ethereum), side) => format!(
                "select {column}, value, height from ethereum.value_flows where {column} is not null and {heights}",
                column = side.column(),
            ),
            (Asset::Token(token), side) => format!(
                "select {column}, value, height from ethereum.token_transfers where token = '{token}' and standard = 'erc20' and value is not null and {column} <> '{ZERO_ADDRESS}' and {heights}",
                column = side.column(),
            ),
        }
    }
}

impl Side {
    fn column(self) -> &'static str {
        match self {
            Side::Received => "to_address",
            Side::Sent => "from_address",
        }
    }
}

impl<A: Amount> Chunk<A> {
    fn add(&mut self, side: Side, batch: &RecordBatch, entities: &Entities) -> Result<(), TooMuch> {
        let (addresses, amounts) = (batch.column(0), amounts(batch.column(1))?);
        let heights = batch.column(2).as_primitive::<Int64Type>().values();
        let holder = |address| entities.holder(Holder::of(address));
        match addresses.data_type() {
            DataType::Utf8 => {
                let addresses = addresses.as_string::<i32>().iter();
                let holders = addresses.map(|address| address.map(str::as_bytes).map(holder));
                self.add_rows(side, holders, &amounts, heights)
            }
            _ => {
                let addresses = addresses.as_binary::<i32>().iter();
                self.add_rows(side, addresses.map(|address| address.map(holder)), &amounts, heights)
            }
        }
    }

    fn add_rows(
        &mut self,
        side: Side,
        holders: impl Iterator<Item = Option<Holder>>,
        amounts: &[i128],
        heights: &[i64],
    ) -> Result<(), TooMuch> {
        let mut place = 0;
        for ((holder, amount), height) in holders.zip(amounts).zip(heights) {
            let height = *height as u64;
            // Rows come by height, but for where one part of a scan ends and another begins.
            if !self.is_of(place, height) {
                place = self.days.partition_point(|day| day.day.last < height);
            }
            let day = &mut self.days[place];
            match side {
                Side::Received => {
                    day.issue(*amount)?;
                    holder.map_or(Ok(()), |holder| day.receive(holder, *amount))?;
                }
                Side::Sent => {
                    day.issue(-amount)?;
                    holder.map_or(Ok(()), |holder| day.send(holder, *amount))?;
                }
            }
        }
        Ok(())
    }

    /// Whether `height` is of the day at `place`.
    fn is_of(&self, place: usize, height: u64) -> bool {
        let before = place.checked_sub(1).map(|before| self.days[before].day.last);
        before.is_none_or(|last| last < height) && height <= self.days[place].day.last
    }
}

/// Amounts as one type.
fn amounts(values: &ArrayRef) -> Result<Vec<i128>, TooMuch> {
    match values.data_type() {
        DataType::Int64 => {
            Ok(values.as_primitive::<Int64Type>().values().iter().map(|v| i128::from(*v)).collect())
        }
        DataType::Decimal128(..) => Ok(values.as_primitive::<Decimal128Type>().values().to_vec()),
        _ => {
            let values = values.as_primitive::<Decimal256Type>().values();
            values.iter().map(|value| value.to_i128().ok_or(TooMuch)).collect()
        }
    }
}
