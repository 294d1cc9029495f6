//! `unhex(text)`: the bytes that hex text spells.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray, BinaryBuilder};
use arrow::datatypes::DataType;
use assay_model::hex;
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_BINARY_STRING;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

/// How much of a text that is not hex an error shows.
const SHOWN_CHARS: usize = 80;

static DOC: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        DOC_SECTION_BINARY_STRING,
        "The bytes that hex text spells, in either case, with or without 0x or \\x before it; text that is compared with bytes is read so by itself.",
        "unhex(text)",
    )
    .with_argument("text", "An even number of hex digits.")
    .with_sql_example("select * from bitcoin.blocks where hash = unhex('000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f')")
    .with_related_udf("hex")
    .build()
});

/// The bytes that `text` spells; if it spells none, the reason, for people.
pub(crate) fn decode(text: &str) -> std::result::Result<Vec<u8>, String> {
    let digits = ["0x", "0X", "\\x"].iter().find_map(|prefix| text.strip_prefix(prefix));
    hex::decode(digits.unwrap_or(text)).ok_or_else(|| {
        let mut shown: String = text.chars().take(SHOWN_CHARS).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        format!(
            "'{shown}' is not hex: bytes are written as an even number of digits 0-9 and a-f, with or without 0x before them"
        )
    })
}

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Unhex {
    signature: Signature,
}

impl Unhex {
    pub(crate) fn new() -> Unhex {
        Unhex { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Unhex {
    fn name(&self) -> &str {
        "unhex"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View] => {
                Ok(vec![DataType::Utf8])
            }
            [other] => plan_err!("unhex takes text, not {other}"),
            _ => plan_err!("unhex takes one argument: unhex(text)"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        super::map_one(&args, |values| {
            let mut bytes = BinaryBuilder::new();
            for text in values.as_string::<i32>() {
                match text.map(decode).transpose() {
                    Ok(decoded) => bytes.append_option(decoded),
                    Err(reason) => return exec_err!("{reason}"),
                }
            }
            Ok(Arc::new(bytes.finish()) as ArrayRef)
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&DOC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_case_do_not_matter_and_nothing_else_is_hex() {
        for text in ["00fF", "0x00ff", "0X00FF", "\\x00ff"] {
            assert_eq!(decode(text), Ok(vec![0, 255]), "{text}");
        }
        assert_eq!(decode(""), Ok(vec![]));
        for text in ["0", "0x0", "xy", "0x0x00", "00 ff", "é0"] {
            assert!(decode(text).is_err_and(|reason| reason.contains(text)), "{text}");
        }
    }

    #[test]
    fn an_error_does_not_repeat_a_long_text_in_full() {
        assert!(decode(&"ä".repeat(100_000)).is_err_and(|reason| reason.len() < 400));
    }
}
