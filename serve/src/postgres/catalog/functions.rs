//! Functions that PostgreSQL's clients call about the catalog, and `datafusion-pg-catalog` has not.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use assay_query::{DescribedFunction, FunctionKind, described_functions};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::comments::Comments;
use super::current_setting;
use super::overlay::FIRST_FUNCTION;

/// All of them.
pub(super) fn all(comments: &Arc<Comments>) -> Vec<ScalarUDF> {
    let text = |name, value| constant(name, ScalarValue::Utf8(value));
    let none = |name| text(name, None);
    let yes = |name| constant(name, ScalarValue::Boolean(Some(true)));
    let no = |name| constant(name, ScalarValue::Boolean(Some(false)));
    let zero = |name| constant(name, ScalarValue::Int64(Some(0)));
    let about = |name, what| {
        ScalarUDF::from(About { name, what, comments: Arc::clone(comments), signature: any() })
    };
    vec![
        current_setting::function(any()),
        about("obj_description", What::Table),
        about("col_description", What::Column),
        about("pg_get_function_result", What::Result),
        about("pg_get_function_arguments", What::Arguments),
        about("pg_get_function_identity_arguments", What::Arguments),
        none("shobj_description"),
        none("pg_get_viewdef"),
        none("pg_get_indexdef"),
        none("pg_get_triggerdef"),
        none("pg_get_ruledef"),
        none("pg_get_functiondef"),
        none("pg_get_function_sqlbody"),
        none("pg_get_serial_sequence"),
        none("pg_tablespace_location"),
        none("pg_size_pretty"),
        none("inet_server_addr"),
        none("inet_client_addr"),
        text("getdatabaseencoding", Some("UTF8".to_owned())),
        text("pg_client_encoding", Some("UTF8".to_owned())),
        yes("pg_function_is_visible"),
        yes("pg_type_is_visible"),
        yes("pg_operator_is_visible"),
        yes("pg_opclass_is_visible"),
        yes("pg_collation_is_visible"),
        yes("has_function_privilege"),
        yes("has_column_privilege"),
        yes("has_sequence_privilege"),
        yes("has_language_privilege"),
        yes("has_type_privilege"),
        yes("pg_has_role"),
        no("pg_is_in_recovery"),
        no("pg_is_other_temp_schema"),
        // Clients ask so for types of extensions, of which there are none.
        constant("to_regtype", ScalarValue::Int32(None)),
        zero("pg_my_temp_schema"),
        zero("txid_current"),
        zero("pg_database_size"),
        zero("pg_table_size"),
        zero("pg_indexes_size"),
    ]
}

fn any() -> Signature {
    Signature::one_of(
        vec![
            datafusion::logical_expr::TypeSignature::Nullary,
            datafusion::logical_expr::TypeSignature::VariadicAny,
        ],
        Volatility::Stable,
    )
}

/// A function that answers the same, whatever it is asked.
fn constant(name: &'static str, value: ScalarValue) -> ScalarUDF {
    ScalarUDF::from(Constant { name, value, signature: any() })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Constant {
    name: &'static str,
    value: ScalarValue,
    signature: Signature,
}

impl ScalarUDFImpl for Constant {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.value.data_type())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}

/// What is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What {
    Table,
    Column,
    Result,
    Arguments,
}

/// A function that tells what something is, by its number.
#[derive(Debug)]
struct About {
    name: &'static str,
    what: What,
    comments: Arc<Comments>,
    signature: Signature,
}

impl PartialEq for About {
    fn eq(&self, other: &About) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.comments, &other.comments)
    }
}

impl Eq for About {}

impl Hash for About {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for About {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let number = |index: usize| -> Result<Option<ArrayRef>> {
            let Some(value) = args.args.get(index) else { return Ok(None) };
            let array = value.to_array(rows)?;
            // Of what is no number nothing is known.
            Ok(Some(cast(&array, &DataType::Int32)?))
        };
        let Some(objects) = number(0)? else { return Ok(ScalarValue::Utf8(None).into()) };
        let columns = if self.what == What::Column { number(1)? } else { None };
        let functions = match self.what {
            What::Result | What::Arguments => described_functions(),
            What::Table | What::Column => vec![],
        };
        let mut out = StringBuilder::new();
        let value = |array: &ArrayRef, row: usize| {
            let array = array.as_primitive::<Int32Type>();
            (!array.is_null(row)).then(|| array.value(row))
        };
        for row in 0..rows {
            let column = match &columns {
                Some(columns) => value(columns, row),
                None => Some(0),
            };
            let answer = value(&objects, row)
                .zip(column)
                .and_then(|(object, column)| self.answer(object, column, &functions));
            out.append_option(answer);
        }
        let out: StringArray = out.finish();
        Ok(ColumnarValue::Array(Arc::new(out)))
    }
}

impl About {
    fn answer(&self, object: i32, column: i32, functions: &[DescribedFunction]) -> Option<String> {
        let index = usize::try_from(object - FIRST_FUNCTION).ok();
        let function = index.and_then(|index| functions.get(index));
        match self.what {
            What::Table | What::Column => self.comments.find(object, column).map(str::to_owned),
            What::Result => function.map(|function| match function.kind {
                FunctionKind::Table => "SETOF record".to_owned(),
                // It depends on what they are asked.
                FunctionKind::Scalar | FunctionKind::Aggregate => "any".to_owned(),
            }),
            What::Arguments => {
                // What is between the parentheses of how it is called.
                let function = function?;
                let (_, arguments) = function.syntax.split_once('(')?;
                Some(arguments.trim_end_matches(')').to_owned())
            }
        }
    }
}
