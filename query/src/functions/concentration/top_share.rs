//! `top_share(x, n)`: what the richest hold.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use super::{Measure, Parameter, is_count};

/// Beyond it not every whole number is a floating-point one.
const MOST_HOLDERS: f64 = 9_007_199_254_740_992.0;

pub(super) const MEASURE: Measure = Measure {
    name: "top_share",
    syntax: "top_share(x, n)",
    doc: "The share of everything that the n richest holders hold.",
    example: "select top_share(balance, 100) from bitcoin.balances",
    parameter: Some(Parameter {
        name: "n",
        doc: "a number of holders, at least 1",
        default: None,
        is_valid: |n| is_count(n, MOST_HOLDERS),
    }),
    return_type: || DataType::Float64,
    value: |classes, n| ScalarValue::Float64(classes.top_share(n as u64)),
};
