//! `hhi(x)`: the index of Herfindahl and Hirschman.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use super::Measure;

pub(super) const MEASURE: Measure = Measure {
    name: "hhi",
    syntax: "hhi(x)",
    doc: "The index of Herfindahl and Hirschman: the sum of the squares of all shares, from 1/n to 1; times 10,000 it is on the scale that competition authorities use.",
    example: "select hhi(balance), hhi(balance) * 10000 from bitcoin.balances",
    parameter: None,
    return_type: || DataType::Float64,
    value: |classes, _| ScalarValue::Float64(classes.hhi()),
};
