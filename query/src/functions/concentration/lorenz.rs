//! `lorenz(x, points)`: Lorenz's curve.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::ScalarValue;
use datafusion::common::utils::SingleRowListArrayBuilder;

use super::{Measure, Parameter, is_count};

/// Points that a curve may have: more than any screen shows.
const MOST_POINTS: f64 = 10_000.0;

pub(super) const MEASURE: Measure = Measure {
    name: "lorenz",
    syntax: "lorenz(x, points)",
    doc: "Lorenz's curve: for 0/points, 1/points … of all holders, the poorest first, the share of everything that they hold. A list of structs of both shares, 'holders' and 'held'.",
    example: "select point['holders'], point['held'] from (select unnest(lorenz(balance, 20)) as point from bitcoin.balances)",
    parameter: Some(Parameter {
        name: "points",
        doc: "into how many parts the holders are divided, from 1 to 10,000",
        default: None,
        is_valid: |points| is_count(points, MOST_POINTS),
    }),
    return_type: || DataType::new_list(DataType::Struct(fields()), true),
    value: |classes, points| curve(classes.lorenz(points as u32)),
};

fn fields() -> Fields {
    let share = |name| Field::new(name, DataType::Float64, false);
    Fields::from(vec![share("holders"), share("held")])
}

fn curve(held: Option<Vec<f64>>) -> ScalarValue {
    let Some(held) = held else {
        return ScalarValue::try_new_null(&(MEASURE.return_type)()).expect("lists may be null");
    };
    let parts = (held.len() - 1) as f64;
    let holders = (0..held.len()).map(|point| point as f64 / parts);
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Float64Array::from_iter_values(holders)), Arc::new(Float64Array::from(held))];
    let points = StructArray::new(fields(), columns, None);
    SingleRowListArrayBuilder::new(Arc::new(points)).build_list_scalar()
}
