//! Functions that say a moment of the block at a height, one a file. They need the times of all blocks.

mod block_day;
mod block_time;

use std::hash::{Hash, Hasher};

use arrow::datatypes::DataType;
use assay_model::ColumnType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_DATETIME;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::Bound;
use crate::QueryError;
use crate::catalog::snapshot::ChainSnapshot;

/// The functions.
const FUNCTIONS: [Function; 2] = [block_day::FUNCTION, block_time::FUNCTION];

/// The functions over `snapshot`.
pub(super) fn all(snapshot: &Bound) -> impl Iterator<Item = ScalarUDF> + '_ {
    FUNCTIONS.into_iter().map(|function| ScalarUDF::from(OfHeight::new(function, snapshot.clone())))
}

/// Whether one of them is called `name`.
pub(super) fn is_one(name: &str) -> bool {
    FUNCTIONS.iter().any(|function| function.name == name)
}

/// A function of a height.
#[derive(Clone, Copy, Debug)]
struct Function {
    name: &'static str,
    doc: &'static str,
    example: &'static str,
    /// Microseconds since 1970; `None` where there is no such block.
    answer: fn(&ChainSnapshot, u64) -> Result<Option<i64>, QueryError>,
}

/// A function as the engine calls it.
#[derive(Debug)]
struct OfHeight {
    function: Function,
    snapshot: Bound,
    signature: Signature,
    documentation: Documentation,
}

impl OfHeight {
    fn new(function: Function, snapshot: Bound) -> OfHeight {
        let syntax = format!("{}(chain, height)", function.name);
        let documentation = Documentation::builder(DOC_SECTION_DATETIME, function.doc, syntax)
            .with_argument("chain", "Name of the chain, such as 'bitcoin'.")
            .with_argument("height", "Height of the block.")
            .with_sql_example(function.example)
            .build();
        // Stable: the same within a statement, another once more blocks are there.
        let signature = Signature::user_defined(Volatility::Stable);
        OfHeight { function, snapshot, signature, documentation }
    }
}

impl PartialEq for OfHeight {
    fn eq(&self, other: &OfHeight) -> bool {
        self.function.name == other.function.name && self.snapshot == other.snapshot
    }
}

impl Eq for OfHeight {}

impl Hash for OfHeight {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
        self.snapshot.hash(state);
    }
}

impl ScalarUDFImpl for OfHeight {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [_, height] if height.is_integer() || height.is_null() => {
                Ok(vec![DataType::Utf8, DataType::Int64])
            }
            _ => {
                let name = self.function.name;
                plan_err!("{name} takes the name of a chain and a height: {name}('bitcoin', 170)")
            }
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(ColumnType::Time.data_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        super::map_of_chain(&args, |chain, height| {
            match (self.snapshot.0.chain(chain), u64::try_from(height)) {
                (Some(chain), Ok(height)) => Ok((self.function.answer)(chain, height)?),
                _ => Ok(None),
            }
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
