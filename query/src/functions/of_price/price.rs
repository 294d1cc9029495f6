//! `price(asset, time [, currency])`: what a coin cost.

use std::sync::{Arc, LazyLock};

use arrow::array::Float64Array;
use arrow::datatypes::DataType;
use assay_model::ColumnType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_MATH;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::{Asked, Bound};

static DOC: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        DOC_SECTION_MATH,
        "What one whole coin cost at a moment: the last price of reference.prices at or before it; null before the first.",
        "price(asset, time [, currency])",
    )
    .with_argument("asset", "'bitcoin', 'ethereum', or the address of a token's contract.")
    .with_argument("time", "The moment; a date is its midnight, UTC.")
    .with_argument("currency", "'usd', which it is if absent, or another that was imported.")
    .with_sql_example("select price('bitcoin', '2020-12-31')")
    .with_related_udf("fiat")
    .build()
});

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct PriceOf {
    snapshot: Bound,
    signature: Signature,
}

impl PriceOf {
    pub(super) fn new(snapshot: Bound) -> PriceOf {
        PriceOf { snapshot, signature: Signature::user_defined(Volatility::Stable) }
    }
}

impl ScalarUDFImpl for PriceOf {
    fn name(&self) -> &str {
        "price"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types.len() {
            2 | 3 => {
                let all = [DataType::Utf8, ColumnType::Time.data_type(), DataType::Utf8];
                Ok(all[..types.len()].to_vec())
            }
            _ => plan_err!("price takes an asset and a moment: price('bitcoin', '2020-12-31')"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let currency = args.args.get(2);
        let asked = Asked::new(&args.args[0], &args.args[1], currency, args.number_rows)?;
        let prices = self.snapshot.0.reference.prices()?;
        let answers = asked.prices(prices).map(|found| found.map(|(_, price)| price.price));
        Ok(ColumnarValue::Array(Arc::new(answers.collect::<Float64Array>())))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&DOC)
    }
}
