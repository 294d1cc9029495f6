//! `block_day(chain, height)`: of which day a block is in daily figures.

use std::sync::LazyLock;

use arrow::datatypes::DataType;
use assay_model::ColumnType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_DATETIME;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::Bound;

pub(super) const NAME: &str = "block_day";
/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400_000_000;

static DOC: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        DOC_SECTION_DATETIME,
        "The beginning of the UTC day that a block counts to in daily figures; null above the last indexed block. A day ends with the last block, by height, whose header time is in it or before, so where header times run backwards, it may be another day than that of the block's own time.",
        "block_day(chain, height)",
    )
    .with_argument("chain", "Name of the chain, such as 'bitcoin'.")
    .with_argument("height", "Height of the block.")
    .with_sql_example("select block_day('bitcoin', height), count(*) from bitcoin.blocks group by 1")
    .with_related_udf("block_time")
    .build()
});

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct BlockDay {
    snapshot: Bound,
    signature: Signature,
}

impl BlockDay {
    pub(super) fn new(snapshot: Bound) -> BlockDay {
        BlockDay { snapshot, signature: Signature::user_defined(Volatility::Stable) }
    }
}

impl ScalarUDFImpl for BlockDay {
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
                "block_day takes the name of a chain and a height: block_day('bitcoin', 170)"
            ),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(ColumnType::Time.data_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        super::map_of_chain(&args, |chain, height| {
            let least = match (self.snapshot.0.chain(chain), u64::try_from(height)) {
                (Some(chain), Ok(height)) => chain.least_time_from(height)?,
                _ => None,
            };
            Ok(least.map(|time| time.div_euclid(DAY_MICROS) * DAY_MICROS))
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&DOC)
    }
}
