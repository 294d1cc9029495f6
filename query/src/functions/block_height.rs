//! `block_height(chain, time)`: how high the chain was at a moment.

use std::sync::LazyLock;

use arrow::datatypes::DataType;
use assay_model::ColumnType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_DATETIME;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::Bound;

pub(super) const NAME: &str = "block_height";

static DOC: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        DOC_SECTION_DATETIME,
        "The greatest height whose header time is at or before a moment; null before the first block. Header times may run backwards, so a block below it can be later.",
        "block_height(chain, time)",
    )
    .with_argument("chain", "Name of the chain, such as 'bitcoin'.")
    .with_argument("time", "The moment; a date is its midnight, UTC.")
    .with_sql_example("select * from bitcoin.blocks where height <= block_height('bitcoin', '2010-01-01')")
    .with_related_udf("block_time")
    .build()
});

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct BlockHeight {
    snapshot: Bound,
    signature: Signature,
}

impl BlockHeight {
    pub(super) fn new(snapshot: Bound) -> BlockHeight {
        // Stable: the same within a statement, another once more blocks are there.
        BlockHeight { snapshot, signature: Signature::user_defined(Volatility::Stable) }
    }
}

impl ScalarUDFImpl for BlockHeight {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [_, time] if time.is_temporal() || time.is_string() || time.is_null() => {
                Ok(vec![DataType::Utf8, ColumnType::Time.data_type()])
            }
            _ => plan_err!(
                "block_height takes the name of a chain and a moment: block_height('bitcoin', '2010-01-01')"
            ),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        super::map_of_chain(&args, |chain, time| match self.snapshot.0.chain(chain) {
            Some(chain) => Ok(chain.height_at(time)?.map(|height| height as i64)),
            None => Ok(None),
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&DOC)
    }
}
