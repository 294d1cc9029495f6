//! The rows of the three tables, from how holdings were spread at the end of each day.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType};
use arrow::error::ArrowError;
use assay_model::derived::{
    DerivedTable, HOLDINGS_BRACKETS_DAILY, HOLDINGS_DAILY, HOLDINGS_METRICS_DAILY,
};

use super::brackets::Edges;
use super::history::Spread;
use super::metrics::metrics;

/// Parts of Lorenz's curve.
const LORENZ_PARTS: u32 = 100;
/// What is more than half.
const MAJORITY: f64 = 0.5;

/// What is the same in all rows of a series.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) asset: String,
    pub(super) basis: &'static str,
    pub(super) decimals: u32,
    pub(super) missing: Option<String>,
    pub(super) method: &'static str,
}

/// The rows of each table, in the order of [`TABLES`].
pub(super) type Rows = [RecordBatch; 3];

/// The tables that are filled.
pub(super) static TABLES: [&DerivedTable; 3] =
    [&HOLDINGS_DAILY, &HOLDINGS_BRACKETS_DAILY, &HOLDINGS_METRICS_DAILY];

/// The rows of `spreads`, which are in the order of their days.
pub(super) fn rows(series: &Series, edges: &Edges, spreads: &[Spread]) -> Result<Rows, ArrowError> {
    Ok([
        daily(series, spreads)?,
        brackets(series, edges, spreads)?,
        by_metric(series, edges, spreads)?,
    ])
}

fn daily(series: &Series, spreads: &[Spread]) -> Result<RecordBatch, ArrowError> {
    let measure = |value: fn(&Spread) -> Option<f64>| -> ArrayRef {
        Arc::new(spreads.iter().map(value).collect::<Float64Array>())
    };
    let nakamoto = spreads.iter().map(|s| s.classes.nakamoto(MAJORITY).map(|n| n as i64));
    let mut columns = series.first_columns(spreads.iter().map(|spread| spread.day.start));
    columns.extend([
        whole(spreads.iter().map(|spread| spread.day.last)),
        whole(spreads.iter().map(|spread| spread.counts.all().holders)),
        decimals(spreads.iter().map(|spread| spread.counts.all().amount))?,
        decimals(spreads.iter().map(|spread| spread.supply))?,
        measure(|spread| spread.classes.gini()),
        measure(|spread| spread.classes.theil()),
        measure(|spread| spread.classes.hhi()),
        Arc::new(nakamoto.collect::<Int64Array>()),
        measure(|spread| spread.classes.top_share(10)),
        measure(|spread| spread.classes.top_share(100)),
        measure(|spread| spread.classes.top_share(1_000)),
        measure(|spread| spread.classes.top_share(10_000)),
        measure(|spread| spread.classes.top_fraction_share(0.01)),
        measure(|spread| spread.classes.top_fraction_share(0.03)),
        measure(|spread| spread.classes.top_fraction_share(0.1)),
        lorenz(spreads),
        Arc::new(StringArray::from(vec![series.missing.as_deref(); spreads.len()])),
        series.method_column(spreads.len()),
    ]);
    RecordBatch::try_new(HOLDINGS_DAILY.schema(), columns)
}

fn lorenz(spreads: &[Spread]) -> ArrayRef {
    let curves: Vec<Vec<f64>> = spreads
        .iter()
        .map(|spread| spread.classes.lorenz(LORENZ_PARTS).unwrap_or_default())
        .collect();
    let share = |point: usize| point as f64 / f64::from(LORENZ_PARTS);
    let holders = curves.iter().flat_map(|curve| (0..curve.len()).map(share));
    let held = curves.iter().flatten().copied();
    let schema = HOLDINGS_DAILY.schema();
    let field = schema.field_with_name("lorenz").expect("a column of the table");
    let DataType::List(item) = field.data_type() else { unreachable!("a list of structs") };
    let DataType::Struct(fields) = item.data_type() else { unreachable!("a list of structs") };
    let shares: Vec<ArrayRef> = vec![
        Arc::new(Float64Array::from_iter_values(holders)),
        Arc::new(Float64Array::from_iter_values(held)),
    ];
    let points = StructArray::new(fields.clone(), shares, None);
    let lengths = OffsetBuffer::from_lengths(curves.iter().map(Vec::len));
    Arc::new(ListArray::new(item.clone(), lengths, Arc::new(points), None))
}

fn brackets(series: &Series, edges: &Edges, spreads: &[Spread]) -> Result<RecordBatch, ArrowError> {
    let of_day = |spread: &Spread| {
        let (day, all, supply) = (spread.day.start, spread.counts.all(), spread.supply);
        let brackets = spread.counts.brackets(edges);
        brackets.into_iter().map(move |bracket| (day, all, supply, bracket))
    };
    let all: Vec<_> = spreads.iter().flat_map(of_day).collect();
    let coins = |power: i32| 10f64.powi(power);
    let ends = all.iter().map(|(.., bracket)| bracket.to_power.map(coins));
    let mut columns = series.first_columns(all.iter().map(|(day, ..)| *day));
    columns.extend([
        floats(all.iter().map(|(.., bracket)| bracket.from_power.map_or(0.0, coins))),
        Arc::new(ends.collect::<Float64Array>()),
        whole(all.iter().map(|(.., bracket)| bracket.holders)),
        floats(all.iter().map(|(_, all, _, b)| ratio(b.holders as f64, all.holders as f64))),
        decimals(all.iter().map(|(.., bracket)| bracket.amount))?,
        floats(all.iter().map(|(_, _, supply, b)| ratio(b.amount as f64, *supply as f64))),
        series.method_column(all.len()),
    ]);
    RecordBatch::try_new(HOLDINGS_BRACKETS_DAILY.schema(), columns)
}

fn by_metric(
    series: &Series,
    edges: &Edges,
    spreads: &[Spread],
) -> Result<RecordBatch, ArrowError> {
    let of_day = |spread: &Spread| {
        let day = spread.day.start;
        let metrics = metrics(spread, edges, series.decimals);
        metrics.into_iter().map(move |(name, value)| (day, name, value))
    };
    let all: Vec<_> = spreads.iter().flat_map(of_day).collect();
    let mut columns = series.first_columns(all.iter().map(|(day, ..)| *day));
    columns.extend([
        Arc::new(StringArray::from_iter_values(all.iter().map(|(_, name, _)| name))) as ArrayRef,
        Arc::new(all.iter().map(|(.., value)| *value).collect::<Float64Array>()),
        series.method_column(all.len()),
    ]);
    RecordBatch::try_new(HOLDINGS_METRICS_DAILY.schema(), columns)
}

impl Series {
    /// Asset, basis and day.
    fn first_columns(&self, days: impl Iterator<Item = i64>) -> Vec<ArrayRef> {
        let days = TimestampMicrosecondArray::from_iter_values(days).with_timezone("UTC");
        let count = days.len();
        let same = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; count])) };
        vec![same(&self.asset), same(self.basis), Arc::new(days)]
    }

    fn method_column(&self, count: usize) -> ArrayRef {
        Arc::new(StringArray::from(vec![self.method; count]))
    }
}

/// `part / whole`; none of nothing.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn whole(values: impl Iterator<Item = u64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values.map(|value| value as i64)))
}

fn floats(values: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

fn decimals(values: impl Iterator<Item = i128>) -> Result<ArrayRef, ArrowError> {
    let values = Decimal128Array::from_iter_values(values);
    Ok(Arc::new(values.with_precision_and_scale(DECIMAL128_MAX_PRECISION, 0)?))
}
