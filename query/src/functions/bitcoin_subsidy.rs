//! `bitcoin_subsidy(height)`: the new coins that a block may claim.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use assay_model::{Chain, Network};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_MATH;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::Bound;

static DOC: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        DOC_SECTION_MATH,
        "New coins that the block at a height may claim under the rules of the lake's network, satoshi; null below zero.",
        "bitcoin_subsidy(height)",
    )
    .with_argument("height", "Height of the block, indexed or not.")
    .with_sql_example("select btc(bitcoin_subsidy(840000))")
    .build()
});

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct BitcoinSubsidy {
    snapshot: Bound,
    signature: Signature,
}

impl BitcoinSubsidy {
    pub(super) fn new(snapshot: Bound) -> BitcoinSubsidy {
        let signature = Signature::exact(vec![DataType::Int64], Volatility::Stable);
        BitcoinSubsidy { snapshot, signature }
    }
}

impl ScalarUDFImpl for BitcoinSubsidy {
    fn name(&self) -> &str {
        "bitcoin_subsidy"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(chain) = self.snapshot.0.chain(Chain::Bitcoin) else {
            return exec_err!("bitcoin_subsidy: the lake has no bitcoin");
        };
        let network: Network = match chain.info.network.parse() {
            Ok(network) => network,
            Err(error) => return exec_err!("bitcoin_subsidy: {error}"),
        };
        super::map_one(&args, |heights| {
            let subsidies = heights.as_primitive::<Int64Type>().iter().map(|height| {
                let height = u64::try_from(height?).ok()?;
                Some(network.subsidy(height).to_i64())
            });
            Ok(Arc::new(subsidies.collect::<Int64Array>()) as ArrayRef)
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&DOC)
    }
}
