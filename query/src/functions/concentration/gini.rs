//! `gini(x)`: Gini's coefficient.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use super::Measure;

pub(super) const MEASURE: Measure = Measure {
    name: "gini",
    syntax: "gini(x)",
    doc: "Gini's coefficient of what holders hold: 0 if all hold the same, near 1 if one holds everything.",
    example: "select gini(balance) from bitcoin.balances",
    parameter: None,
    return_type: || DataType::Float64,
    value: |classes, _| ScalarValue::Float64(classes.gini()),
};
