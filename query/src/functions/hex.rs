//! `hex(bytes)`: bytes as hex text.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;
use assay_model::hex;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_BINARY_STRING;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

static DOC: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        DOC_SECTION_BINARY_STRING,
        "Bytes as hex text in lower case: a hash as explorers show it.",
        "hex(bytes)",
    )
    .with_argument("bytes", "A hash, a script or other bytes.")
    .with_sql_example("select hex(hash) from bitcoin.blocks where height = 0")
    .with_related_udf("unhex")
    .build()
});

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Hex {
    signature: Signature,
}

impl Hex {
    pub(super) fn new() -> Hex {
        Hex { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Hex {
    fn name(&self) -> &str {
        "hex"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [
                DataType::Null
                | DataType::Binary
                | DataType::LargeBinary
                | DataType::BinaryView
                | DataType::FixedSizeBinary(_),
            ] => Ok(vec![DataType::Binary]),
            [other] => plan_err!("hex takes bytes, not {other}; to_hex takes whole numbers"),
            _ => plan_err!("hex takes one argument: hex(bytes)"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        super::map_one(&args, |values| {
            let texts = values.as_binary::<i32>().iter().map(|bytes| bytes.map(hex::encode));
            Ok(Arc::new(texts.collect::<StringArray>()) as ArrayRef)
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&DOC)
    }
}
