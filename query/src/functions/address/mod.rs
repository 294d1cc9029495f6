//! Functions of addresses as people write them, one a file.
//!
//! They need no store: what is an address, of which network and of which type is said by its own letters and
//! checksum.

mod address_network;
mod address_type;
mod checksum_address;
mod is_address;
mod normalize_address;
mod parsed;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, StringArray};
use arrow::datatypes::DataType;
use assay_model::hex;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_STRING;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use self::parsed::Parsed;

/// The functions.
pub(super) fn all() -> Vec<ScalarUDF> {
    let functions = [
        address_network::FUNCTION,
        address_type::FUNCTION,
        checksum_address::FUNCTION,
        is_address::FUNCTION,
        normalize_address::FUNCTION,
    ];
    functions.into_iter().map(|function| ScalarUDF::from(OfAddress::new(function))).collect()
}

/// A function of an address.
#[derive(Clone, Copy, Debug)]
struct Function {
    name: &'static str,
    doc: &'static str,
    example: &'static str,
    answer: Answer,
}

/// What a function answers with, for text that is an address, or `None` for other text.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Is(fn(Option<&Parsed>) -> bool),
    Text(fn(&Parsed) -> Option<String>),
}

/// A function as the engine calls it.
#[derive(Debug)]
struct OfAddress {
    function: Function,
    signature: Signature,
    documentation: Documentation,
}

impl OfAddress {
    fn new(function: Function) -> OfAddress {
        let syntax = format!("{}(address)", function.name);
        let documentation = Documentation::builder(DOC_SECTION_STRING, function.doc, syntax)
            .with_argument(
                "address",
                "An address of Bitcoin or Ethereum as text, or the 20 bytes of one of Ethereum.",
            )
            .with_sql_example(function.example)
            .build();
        let signature = Signature::user_defined(Volatility::Immutable);
        OfAddress { function, signature, documentation }
    }
}

impl PartialEq for OfAddress {
    fn eq(&self, other: &OfAddress) -> bool {
        self.function.name == other.function.name
    }
}

impl Eq for OfAddress {}

impl Hash for OfAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}

impl ScalarUDFImpl for OfAddress {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View] => {
                Ok(vec![DataType::Utf8])
            }
            [
                DataType::Binary
                | DataType::LargeBinary
                | DataType::BinaryView
                | DataType::FixedSizeBinary(_),
            ] => Ok(vec![DataType::Binary]),
            _ => plan_err!("{} takes one address, as text or as bytes", self.function.name),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.function.answer {
            Answer::Is(_) => DataType::Boolean,
            Answer::Text(_) => DataType::Utf8,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        super::map_one(&args, |values| {
            Ok(match values.data_type() {
                DataType::Utf8 => self.answers(values.as_string::<i32>().iter()),
                _ => {
                    let bytes = values.as_binary::<i32>().iter();
                    let texts: Vec<_> =
                        bytes.map(|bytes| bytes.map(|b| format!("0x{}", hex::encode(b)))).collect();
                    self.answers(texts.iter().map(Option::as_deref))
                }
            })
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

impl OfAddress {
    fn answers<'a>(&self, texts: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
        match self.function.answer {
            Answer::Is(is) => {
                let answers = texts.map(|text| text.map(|text| is(Parsed::of(text).as_ref())));
                Arc::new(answers.collect::<BooleanArray>())
            }
            Answer::Text(answer) => {
                let answers = texts.map(|text| answer(&Parsed::of(text?)?));
                Arc::new(answers.collect::<StringArray>())
            }
        }
    }
}
