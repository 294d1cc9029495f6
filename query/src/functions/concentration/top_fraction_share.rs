//! `top_fraction_share(x, p)`: what the richest part of all holders holds.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use super::{Measure, Parameter, is_share};

pub(super) const MEASURE: Measure = Measure {
    name: "top_fraction_share",
    syntax: "top_fraction_share(x, p)",
    doc: "The share of everything that the richest fraction p of all holders holds; where that is no whole number of holders, a part of one counts.",
    example: "select top_fraction_share(balance, 0.03) from bitcoin.balances",
    parameter: Some(Parameter {
        name: "p",
        doc: "a fraction of the holders, above 0 and at most 1: 0.01 for 1 %",
        default: None,
        is_valid: is_share,
    }),
    return_type: || DataType::Float64,
    value: |classes, p| ScalarValue::Float64(classes.top_fraction_share(p)),
};
