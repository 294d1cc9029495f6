//! `nakamoto(x [, threshold])`: Nakamoto's coefficient.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use super::{Measure, Parameter};

pub(super) const MEASURE: Measure = Measure {
    name: "nakamoto",
    syntax: "nakamoto(x [, threshold])",
    doc: "Nakamoto's coefficient: the least number of holders who together hold more than a share of everything, half of it unless said otherwise.",
    example: "select nakamoto(balance), nakamoto(balance, 0.9) from bitcoin.balances",
    parameter: Some(Parameter {
        name: "threshold",
        doc: "the share, above 0 and below 1",
        default: Some(0.5),
        is_valid: |threshold| threshold > 0.0 && threshold < 1.0,
    }),
    return_type: || DataType::Int64,
    value: |classes, threshold| {
        ScalarValue::Int64(classes.nakamoto(threshold).map(|count| count as i64))
    },
};
