//! What a store holds at one moment: what a statement sees, whatever is committed while it runs.
//!
//! # Invariants
//!
//! * Nothing above a chain's tip is visible, and below it no height is missing from the first on.
//! * Where rows can be taken back under a statement, the statement is told before it ends.

use std::sync::{Arc, OnceLock};

use assay_model::lake::{Finality, LakeInfo, Reorg};
use assay_model::reference::TOKENS;
use assay_model::{BlockHash, Chain};

use crate::QueryError;
use crate::clickhouse::server::Commit;
use crate::lake::Manifested;
use crate::lake::derived::DerivedSeries;
use crate::reference::{Reference, decimals_in};
use crate::store::blocking;

/// What a store holds at one moment.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) chains: Vec<Arc<ChainSnapshot>>,
    /// What analyses have computed of it.
    pub(crate) series: Vec<DerivedSeries>,
    /// What figures rest on beside the chains.
    pub(crate) reference: Arc<Reference>,
}

/// What a store holds of one chain at one moment.
#[derive(Debug)]
pub(crate) struct ChainSnapshot {
    pub(crate) chain: Chain,
    pub(crate) info: LakeInfo,
    pub(crate) finality: Finality,
    /// The last block; `None` before the first.
    pub(crate) tip: Option<Tip>,
    pub(crate) rows: Rows,
    /// For each height the least header time of it and all blocks above it.
    least_times: OnceLock<Box<[i64]>>,
}

/// The last block of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tip {
    pub(crate) height: u64,
    pub(crate) hash: BlockHash,
}

/// Where the rows of a chain are.
#[derive(Debug)]
pub(crate) enum Rows {
    /// In a lake's segments.
    Lake(Manifested),
    /// On a server, up to an entry of its log.
    ClickHouse(Arc<Commit>),
}

impl Snapshot {
    /// Whether whatever is asked of `other` has the same answer.
    pub(crate) fn is_as(&self, other: &Snapshot) -> bool {
        self.chains.len() == other.chains.len()
            && self.chains.iter().zip(&other.chains).all(|(a, b)| a.is_as(b))
            && self.series == other.series
            && Arc::ptr_eq(&self.reference, &other.reference)
    }

    /// A token has 10 to this power units. May read a file.
    pub(crate) fn token_decimals(&self, token: &str) -> Result<u32, QueryError> {
        Ok(decimals_in(self.reference.rows(&TOKENS)?, token))
    }

    /// What it holds of `chain`.
    pub(crate) fn chain(&self, chain: Chain) -> Option<&ChainSnapshot> {
        self.chains.iter().find(|snapshot| snapshot.chain == chain).map(AsRef::as_ref)
    }

    /// Loads all block times, so that functions that need them do not wait later.
    pub(crate) async fn load_times(&self) -> Result<(), QueryError> {
        for chain in &self.chains {
            if let Rows::ClickHouse(commit) = &chain.rows {
                commit.load_times(&chain.info, chain.tip).await?;
            }
            let chain = Arc::clone(chain);
            blocking(move || chain.least_times().map(|_| ())).await?;
        }
        Ok(())
    }

    /// Fails if rows that were read may have been taken back meanwhile.
    pub(crate) async fn check_unchanged(&self) -> Result<(), QueryError> {
        for chain in &self.chains {
            if let Rows::ClickHouse(commit) = &chain.rows {
                commit.check_unchanged(chain.tip).await?;
            }
        }
        Ok(())
    }
}

impl ChainSnapshot {
    pub(crate) fn new(
        chain: Chain,
        info: LakeInfo,
        finality: Finality,
        tip: Option<Tip>,
        rows: Rows,
    ) -> ChainSnapshot {
        ChainSnapshot { chain, info, finality, tip, rows, least_times: OnceLock::new() }
    }

    /// Whether it has the rows of `other`.
    fn is_as(&self, other: &ChainSnapshot) -> bool {
        let is_same = match (&self.rows, &other.rows) {
            // As long as a manifest is the same, so is what was made of it.
            (Rows::Lake(_), Rows::Lake(_)) => std::ptr::eq(self, other),
            (Rows::ClickHouse(a), Rows::ClickHouse(b)) => a.is_as(b),
            _ => false,
        };
        is_same && self.chain == other.chain && self.info == other.info
    }

    /// The height after the last.
    pub(crate) fn end(&self) -> u64 {
        self.tip.map_or(self.info.from, |tip| tip.height + 1)
    }

    /// Header time of the last block, microseconds since 1970. May read a file.
    pub(crate) fn tip_time(&self) -> Result<Option<i64>, QueryError> {
        match (&self.rows, self.tip) {
            (Rows::Lake(lake), Some(tip)) => lake.time_at(tip.height),
            (Rows::ClickHouse(commit), Some(_)) => Ok(commit.tip_time()),
            (_, None) => Ok(None),
        }
    }

    /// Header time of the block at `height`, microseconds since 1970; `None` where there is no such
    /// block. Needs [`Snapshot::load_times`].
    pub(crate) fn time_at(&self, height: u64) -> Result<Option<i64>, QueryError> {
        match &self.rows {
            Rows::Lake(lake) => lake.time_at(height),
            Rows::ClickHouse(commit) => {
                let place = height.checked_sub(self.info.from);
                Ok(place.and_then(|place| commit.times().get(place as usize).copied()))
            }
        }
    }

    /// The least header time of the block at `height` and all above it; `None` where there is no such
    /// block. Needs [`Snapshot::load_times`].
    pub(crate) fn least_time_from(&self, height: u64) -> Result<Option<i64>, QueryError> {
        let place = height.checked_sub(self.info.from);
        let least = self.least_times()?;
        Ok(place.and_then(|place| least.get(place as usize).copied()))
    }

    /// The greatest height whose header time is at or before `time`; `None` before the first.
    /// Needs [`Snapshot::load_times`].
    pub(crate) fn height_at(&self, time: i64) -> Result<Option<u64>, QueryError> {
        let count = self.least_times()?.partition_point(|least| *least <= time);
        Ok((count as u64).checked_sub(1).map(|place| self.info.from + place))
    }

    /// What was taken back, the oldest first.
    pub(crate) async fn reorgs(&self) -> Result<Vec<Reorg>, QueryError> {
        match &self.rows {
            Rows::Lake(lake) => Ok(lake.reorgs.clone()),
            Rows::ClickHouse(commit) => commit.reorgs().await,
        }
    }

    fn least_times(&self) -> Result<&[i64], QueryError> {
        if let Some(times) = self.least_times.get() {
            return Ok(times);
        }
        let mut times = match &self.rows {
            Rows::Lake(lake) => lake.times()?,
            Rows::ClickHouse(commit) => commit.times().to_vec(),
        };
        keep_least_from_here(&mut times);
        Ok(self.least_times.get_or_init(|| times.into()))
    }
}

/// Puts in the place of each time the least of it and all after it.
///
/// Header times run backwards here and there, so they cannot be searched; what this leaves never
/// falls. The last place at which it is ≤ t is the last whose own time is: all after it are later.
fn keep_least_from_here(times: &mut [i64]) {
    for place in (1..times.len()).rev() {
        times[place - 1] = times[place - 1].min(times[place]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searching_the_least_times_finds_what_looking_at_each_does() {
        let cases: [&[i64]; 5] =
            [&[], &[5], &[1, 9, 2, 8, 3], &[9, 8, 7, 1], &[1, 7, 7, 2, 2, 9, 4]];
        for times in cases {
            let mut least = times.to_vec();
            keep_least_from_here(&mut least);
            for moment in 0..=10 {
                let found = least.partition_point(|time| *time <= moment).checked_sub(1);
                assert_eq!(found, times.iter().rposition(|time| *time <= moment), "{times:?}");
            }
        }
    }
}
