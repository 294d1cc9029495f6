//! Functions of Bitcoin's output scripts, one a file.

mod script_address;
mod script_asm;
mod script_type;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;
use assay_model::Network;
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, plan_err};
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_BINARY_STRING;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

/// The functions.
pub(super) fn all() -> Vec<ScalarUDF> {
    let functions = [script_address::FUNCTION, script_asm::FUNCTION, script_type::FUNCTION];
    functions.into_iter().map(|function| ScalarUDF::from(OfScript::new(function))).collect()
}

/// A function of a script, and of a network if its answer depends on that.
#[derive(Clone, Copy, Debug)]
struct Function {
    name: &'static str,
    syntax: &'static str,
    doc: &'static str,
    example: &'static str,
    takes_network: bool,
    answer: fn(&[u8], Network) -> Option<String>,
}

/// A function as the engine calls it.
#[derive(Debug)]
struct OfScript {
    function: Function,
    signature: Signature,
    documentation: Documentation,
}

impl OfScript {
    fn new(function: Function) -> OfScript {
        let Function { syntax, doc, example, .. } = function;
        let mut documentation = Documentation::builder(DOC_SECTION_BINARY_STRING, doc, syntax)
            .with_argument("script", "An output script (scriptPubKey).");
        if function.takes_network {
            documentation = documentation.with_argument(
                "network",
                "mainnet, testnet3, testnet4, signet or regtest, a constant; mainnet if absent.",
            );
        }
        let documentation = documentation.with_sql_example(example).build();
        let signature = Signature::user_defined(Volatility::Immutable);
        OfScript { function, signature, documentation }
    }
}

impl PartialEq for OfScript {
    fn eq(&self, other: &OfScript) -> bool {
        self.function.name == other.function.name
    }
}

impl Eq for OfScript {}

impl Hash for OfScript {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}

impl ScalarUDFImpl for OfScript {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let is_script = |kind: &DataType| kind.is_null() || kind.is_binary();
        match types {
            [script] if is_script(script) => Ok(vec![DataType::Binary]),
            [script, network]
                if self.function.takes_network && is_script(script) && network.is_string() =>
            {
                Ok(vec![DataType::Binary, DataType::Utf8])
            }
            _ => plan_err!("use it as {}, with the bytes of a script", self.function.syntax),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let network = match args.args.get(1) {
            None => Network::Mainnet,
            Some(ColumnarValue::Scalar(ScalarValue::Utf8(Some(name)))) => {
                name.parse().map_err(|error| exec_datafusion_err!("{}: {error}", self.name()))?
            }
            Some(_) => {
                return plan_err!("{}: the network has to be a constant", self.function.syntax);
            }
        };
        super::map_one(&args, |scripts| {
            let scripts = scripts.as_binary::<i32>().iter();
            let answers = scripts.map(|script| (self.function.answer)(script?, network));
            Ok(Arc::new(answers.collect::<StringArray>()) as ArrayRef)
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
