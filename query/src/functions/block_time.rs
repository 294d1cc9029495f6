//! `block_time(chain, height)`: when a block was made.

use std::sync::LazyLock;

use arrow::datatypes::DataType;
use assay_model::ColumnType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_DATETIME;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::Bound;

pub(super) const NAME: &str = "block_time";

static DOC: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        DOC_SECTION_DATETIME,
        "Header time of the block at a height, UTC; null above the last indexed block.",
        "block_time(chain, height)",
    )
    .with_argument("chain", "Name of the chain, such as 'bitcoin'.")
    .with_argument("height", "Height of the block.")
    .with_sql_example("select block_time('bitcoin', 170)")
    .with_related_udf("block_height")
    .build()
});

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct BlockTime {
    snapshot: Bound,
    signature: Signature,
}

impl BlockTime {
    pub(super) fn new(snapshot: Bound) -> BlockTime {
        // Stable: the same within a statement, another once more blocks are there.
        BlockTime { snapshot, signature: Signature::user_defined(Volatility::Stable) }
    }
}

impl ScalarUDFImpl for BlockTime {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [_, height] if height.is_integer() || height.is_null() => {
                Ok(vec![DataType::Utf8, DataType::Int64])
            }
            _ => plan_err!(
                "block_time takes the name of a chain and a height: block_time('bitcoin', 170)"
            ),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(ColumnType::Time.data_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        super::map_of_chain(&args, |chain, height| {
            match (self.snapshot.0.chain(chain), u64::try_from(height)) {
                (Some(chain), Ok(height)) => Ok(chain.time_at(height)?),
                _ => Ok(None),
            }
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&DOC)
    }
}
