//! What a chain would burn on the days that were kept, with other parameters.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use assay_model::Chain;

use super::estimate::by_all_methods;
use super::gather::{Gathered, facts};
use super::inputs::{MiningDay, Origin};
use super::rewards::{dag_bytes, height_about};
use super::{Parameters, rows};
use crate::QueryError;
use crate::reference::{Price, Reference};

/// The columns of `analytics.energy_daily` that a scenario goes by; of one chain and its first method, in the
/// order of days.
pub(crate) const KEPT: &str =
    "day, height, hash_rate_ths, hash_rate_from, revenue, revenue_from, price_usd, price_day";

/// The columns of `analytics.energy_daily` that a scenario need not have.
pub(crate) const INTERVAL: [&str; 2] = ["power_gw_low_90", "power_gw_high_90"];

/// The rows of `analytics.energy_daily` that follow from `kept`, rows of [`KEPT`], and `changes` of
/// parameters; those of [`INTERVAL`] are null unless it `has_interval`.
pub(crate) fn scenario(
    reference: &Reference,
    chain: Chain,
    changes: &[(String, f64)],
    kept: &[RecordBatch],
    has_interval: bool,
) -> Result<RecordBatch, QueryError> {
    let parameters = Parameters::changed(reference, chain, changes)?;
    let days: Vec<_> = kept.iter().flat_map(|batch| days_of(chain, batch)).collect();
    if days.is_empty() {
        return Err(QueryError::NotAnalysed { chain: chain.name() });
    }
    let facts = facts(reference, &parameters, chain, days)?;
    let gathered = Gathered { facts, block: None, from: 0 };
    let estimate = by_all_methods(reference, chain, parameters, gathered, has_interval)?;
    rows::energy(&estimate).map_err(|error| QueryError::Engine(error.to_string()))
}

fn days_of(chain: Chain, kept: &RecordBatch) -> Vec<MiningDay> {
    let times = |place: usize| kept.column(place).as_primitive::<TimestampMicrosecondType>();
    let numbers = |place: usize| kept.column(place).as_primitive::<Float64Type>();
    let origins = |place: usize, row: usize| {
        Origin::named(kept.column(place).as_string::<i32>().value(row)).unwrap_or(Origin::Carried)
    };
    let heights = kept.column(1).as_primitive::<Int64Type>();
    let day = |row: usize| {
        let day = times(0).value(row);
        let height = heights.is_valid(row).then(|| heights.value(row));
        let at = height.map_or_else(|| height_about(chain, day), |height| height as u64);
        let price = numbers(6)
            .is_valid(row)
            .then(|| Price { day: times(7).value(row), price: numbers(6).value(row) });
        MiningDay {
            day,
            height,
            hash_rate_ths: numbers(2).value(row),
            hash_rate_from: origins(3, row),
            blocks: None,
            revenue: numbers(4).value(row),
            revenue_from: origins(5, row),
            price,
            dag_bytes: dag_bytes(chain, at),
        }
    };
    (0..kept.num_rows()).map(day).collect()
}
