//! `date_trunc(part, time)` as the engine has it, for times in UTC at the speed of plain numbers.
//!
//! The engine looks up the offset of the time zone for every row. UTC has none, so such times are
//! truncated as if they had no zone.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, make_array};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions::datetime::date_trunc;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature,
};

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct DateTrunc {
    engine: Arc<ScalarUDF>,
}

impl DateTrunc {
    pub(super) fn new() -> DateTrunc {
        DateTrunc { engine: date_trunc() }
    }
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn aliases(&self) -> &[String] {
        self.engine.aliases()
    }

    fn signature(&self) -> &Signature {
        self.engine.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.engine.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.engine.return_field_from_args(args)
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let time = match args.args.get(1) {
            Some(ColumnarValue::Array(time)) => Arc::clone(time),
            _ => return self.engine.invoke_with_args(args),
        };
        let DataType::Timestamp(unit, Some(zone)) = time.data_type() else {
            return self.engine.invoke_with_args(args);
        };
        if !matches!(&**zone, "UTC" | "+00:00") {
            return self.engine.invoke_with_args(args);
        }
        let plain = DataType::Timestamp(*unit, None);
        args.args[1] = ColumnarValue::Array(retyped(&time, &plain)?);
        let field =
            |field: &FieldRef| Arc::new(field.as_ref().clone().with_data_type(plain.clone()));
        args.arg_fields[1] = field(&args.arg_fields[1]);
        args.return_field = field(&args.return_field);
        match self.engine.invoke_with_args(args)? {
            ColumnarValue::Array(truncated) => {
                Ok(ColumnarValue::Array(retyped(&truncated, time.data_type())?))
            }
            ColumnarValue::Scalar(truncated) => {
                let truncated = retyped(&truncated.to_array()?, time.data_type())?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&truncated, 0)?))
            }
        }
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.engine.output_ordering(inputs)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.engine.documentation()
    }
}

/// The same numbers as values of `kind`, which differs in the time zone alone.
fn retyped(times: &ArrayRef, kind: &DataType) -> Result<ArrayRef> {
    let data = times.to_data().into_builder().data_type(kind.clone()).build()?;
    Ok(make_array(data))
}
