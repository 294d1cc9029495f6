//! `ethereum_missing_flows()`: what the lake does not know about movements of ether.

use std::sync::LazyLock;

use arrow::datatypes::DataType;
use assay_model::Chain;
use assay_model::ethereum::{DAO_FORK_HEIGHT, Network};
use assay_model::lake::Extra;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_OTHER;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::Bound;
use crate::catalog::snapshot::ChainSnapshot;

static DOC: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        DOC_SECTION_OTHER,
        "Which movements of ether the lake does not know, so that balances are not whole; null if none.",
        "ethereum_missing_flows()",
    )
    .with_sql_example("select ethereum_missing_flows()")
    .build()
});

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct EthereumMissingFlows {
    snapshot: Bound,
    signature: Signature,
}

impl EthereumMissingFlows {
    pub(super) fn new(snapshot: Bound) -> EthereumMissingFlows {
        EthereumMissingFlows { snapshot, signature: Signature::nullary(Volatility::Stable) }
    }
}

impl ScalarUDFImpl for EthereumMissingFlows {
    fn name(&self) -> &str {
        "ethereum_missing_flows"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let missing = self.snapshot.0.chain(Chain::Ethereum).and_then(missing);
        Ok(ColumnarValue::Scalar(ScalarValue::Utf8(missing)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&DOC)
    }
}

/// What the lake lacks, in words.
fn missing(chain: &ChainSnapshot) -> Option<String> {
    let lacks = |extra| !chain.info.extras.contains(&extra);
    let mut missing = Vec::new();
    if chain.info.from > 0 {
        missing.push(format!("blocks below {}", chain.info.from));
    } else if lacks(Extra::Genesis) {
        missing.push(Extra::Genesis.name().to_owned());
    }
    if lacks(Extra::Traces) {
        missing.push("transfers by contracts".to_owned());
    }
    let is_mainnet = chain.info.network == Network::MAINNET.to_string();
    let has_fork = (chain.info.from..chain.end()).contains(&DAO_FORK_HEIGHT);
    if is_mainnet && has_fork && lacks(Extra::DaoMove) {
        missing.push(Extra::DaoMove.name().to_owned());
    }
    (!missing.is_empty()).then(|| missing.join(", "))
}
