//! `current_setting(name)` where the name is not written but computed: what the setting is at first.

use std::sync::Arc;

use arrow::array::{Array, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use crate::postgres::settings;

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CurrentSetting {
    signature: Signature,
}

/// The function, which takes arguments as `signature` says.
pub(super) fn function(signature: Signature) -> ScalarUDF {
    ScalarUDF::from(CurrentSetting { signature })
}

impl ScalarUDFImpl for CurrentSetting {
    fn name(&self) -> &str {
        "current_setting"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let names = match args.args.first() {
            Some(names) => cast(&names.to_array(args.number_rows)?, &DataType::Utf8)?,
            None => arrow::array::new_null_array(&DataType::Utf8, args.number_rows),
        };
        let names = names.as_string::<i32>();
        let value = |row| (!names.is_null(row)).then(|| settings::at_first(names.value(row)));
        let values: StringArray = (0..names.len()).map(|row| value(row).flatten()).collect();
        Ok(ColumnarValue::Array(Arc::new(values)))
    }
}
