//! The rows of `analytics.energy_daily` and `analytics.emissions_daily` that an estimate makes.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::error::ArrowError;
use assay_model::derived::{DerivedTable, EMISSIONS_DAILY, ENERGY_DAILY};

use super::Bounds;
use super::Parameters;
use super::estimate::{Estimate, EstimatedDay, OfMethod, annual_mt, annual_twh};
use super::inputs::MiningDay;
use super::machines::Era;

/// One row: the method, what it says, and what it goes by.
type Row<'a> = (&'static str, &'a EstimatedDay, &'a MiningDay);

/// The rows of `analytics.energy_daily`.
pub(crate) fn energy(estimate: &Estimate) -> Result<RecordBatch, ArrowError> {
    let rows = rows(estimate);
    let number = |value: &dyn Fn(&Row<'_>) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<Float64Array>())
    };
    let time = |value: &dyn Fn(&Row<'_>) -> Option<i64>| -> ArrayRef {
        let times = rows.iter().map(value).collect::<TimestampMicrosecondArray>();
        Arc::new(times.with_timezone("UTC"))
    };
    let whole = |value: &dyn Fn(&Row<'_>) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<Int64Array>())
    };
    let text = |value: &dyn Fn(&Row<'_>) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<StringArray>())
    };
    let bounds = |value: &dyn Fn(&Row<'_>) -> Option<Bounds>| -> [ArrayRef; 3] {
        [
            number(&|row| value(row).map(|bounds| bounds.lower)),
            number(&|row| value(row).map(|bounds| bounds.best)),
            number(&|row| value(row).map(|bounds| bounds.upper)),
        ]
    };
    let parameters = in_json(&estimate.parameters);
    // Machines are asked for where there is a threshold, be it that none is below it.
    let asked = |row: &Row<'_>| row.1.power.threshold.is_some();
    let columns: Vec<Vec<ArrayRef>> = vec![
        vec![text(&|_| Some(estimate.chain.name().to_owned()))],
        vec![text(&|row| Some(row.0.to_owned()))],
        vec![time(&|row| Some(row.2.day))],
        bounds(&|row| Some(row.1.power.power_gw)).into(),
        vec![number(&|row| row.1.interval.map(|(low, _)| low))],
        vec![number(&|row| row.1.interval.map(|(_, high)| high))],
        bounds(&|row| Some(annual_twh(row.1.power.power_gw))).into(),
        bounds(&|row| Some(row.1.total_twh)).into(),
        vec![whole(&|row| row.2.height)],
        vec![number(&|row| Some(row.2.hash_rate_ths))],
        vec![text(&|row| Some(row.2.hash_rate_from.name().to_owned()))],
        vec![number(&|row| Some(row.2.revenue))],
        vec![text(&|row| Some(row.2.revenue_from.name().to_owned()))],
        vec![number(&|row| row.2.price.map(|price| price.price))],
        vec![time(&|row| row.2.price.map(|price| price.day))],
        vec![number(&|row| row.1.power.threshold)],
        vec![whole(&|row| asked(row).then_some(row.1.power.machines as i64))],
        vec![text(&|row| asked(row).then(|| eras(row.1)))],
        bounds(&|row| row.1.power.efficiency).into(),
        vec![Arc::new(
            rows.iter().map(|row| Some(row.1.power.is_carried)).collect::<BooleanArray>(),
        )],
        vec![text(&|_| Some(parameters.clone()))],
        vec![text(&|_| Some(estimate.reference.clone()))],
    ];
    batch(&ENERGY_DAILY, columns)
}

/// The rows of `analytics.emissions_daily`.
pub(crate) fn emissions(estimate: &Estimate) -> Result<RecordBatch, ArrowError> {
    let rows: Vec<_> = rows(estimate)
        .into_iter()
        .filter_map(|(method, day, mined)| Some((method, day, mined, day.intensity?)))
        .collect();
    let numbers = |values: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
    let times = |values: Vec<i64>| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
    };
    let names = |values: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let bounds = |values: Vec<Bounds>| -> Vec<ArrayRef> {
        let of = |part: fn(&Bounds) -> f64| numbers(values.iter().map(part).collect());
        vec![of(|bounds| bounds.lower), of(|bounds| bounds.best), of(|bounds| bounds.upper)]
    };
    let annual = rows.iter().map(|(_, day, _, grid)| annual_mt(day.power.power_gw, *grid));
    let columns = vec![
        vec![names(vec![estimate.chain.name(); rows.len()])],
        vec![names(rows.iter().map(|(method, ..)| *method).collect())],
        vec![times(rows.iter().map(|(_, _, mined, _)| mined.day).collect())],
        vec![numbers(rows.iter().map(|(.., grid)| grid.g_per_kwh).collect())],
        vec![times(rows.iter().map(|(.., grid)| grid.shares_month).collect())],
        vec![numbers(rows.iter().map(|(.., grid)| grid.known_share).collect())],
        bounds(annual.collect()),
        bounds(rows.iter().map(|(_, day, ..)| day.total_mt).collect()),
    ];
    batch(&EMISSIONS_DAILY, columns)
}

fn batch(table: &DerivedTable, columns: Vec<Vec<ArrayRef>>) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new(table.schema(), columns.into_iter().flatten().collect())
}

/// All rows in the order of the tables' key.
fn rows(estimate: &Estimate) -> Vec<Row<'_>> {
    let days = &estimate.gathered.facts.days;
    let of = |method: &'_ OfMethod| -> Vec<(&'static str, usize)> {
        (0..method.days.len()).map(|place| (method.name, place)).collect()
    };
    let mut methods: Vec<&OfMethod> = estimate.methods.iter().collect();
    methods.sort_by_key(|method| method.name);
    methods
        .into_iter()
        .flat_map(|method| {
            of(method).into_iter().map(move |(name, place)| {
                let day = &method.days[place];
                (name, day, &days[day.power.place])
            })
        })
        .collect()
}

/// The kinds of machines that are in use.
fn eras(day: &EstimatedDay) -> String {
    let present = Era::ALL.into_iter().filter(|era| day.power.eras[*era as usize]);
    present.map(Era::name).collect::<Vec<_>>().join(", ")
}

/// Parameters with their three values.
fn in_json(parameters: &Parameters) -> String {
    let all: BTreeMap<&str, [f64; 3]> =
        parameters.iter().map(|(name, b)| (name, [b.lower, b.best, b.upper])).collect();
    serde_json::to_string(&all).expect("names and finite numbers")
}
