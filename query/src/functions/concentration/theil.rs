//! `theil(x)`: Theil's index.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use super::Measure;

pub(super) const MEASURE: Measure = Measure {
    name: "theil",
    syntax: "theil(x)",
    doc: "Theil's index T of what holders hold, in nats: 0 if all hold the same, ln(n) if one of n holds everything.",
    example: "select theil(balance) from bitcoin.balances",
    parameter: None,
    return_type: || DataType::Float64,
    value: |classes, _| ScalarValue::Float64(classes.theil()),
};
