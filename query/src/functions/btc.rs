//! `btc(value)`: satoshis as bitcoins.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Float64Type, Int64Type,
};
use assay_model::Sats;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_MATH;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

/// Decimal places of a bitcoin: 10^8 satoshi.
const PLACES: i8 = 8;
/// Digits of the greatest 64-bit number.
const INT64_DIGITS: u8 = 19;

static DOC: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        DOC_SECTION_MATH,
        "Satoshis as bitcoins: exact, with eight decimal places; floating-point numbers stay such.",
        "btc(value)",
    )
    .with_argument("value", "An amount in satoshi, or a sum or average of amounts.")
    .with_sql_example("select btc(sum(value)) from bitcoin.outputs")
    .build()
});

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Btc {
    signature: Signature,
}

impl Btc {
    pub(super) fn new() -> Btc {
        Btc { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Btc {
    fn name(&self) -> &str {
        "btc"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [kind] = types else { return plan_err!("btc takes one amount: btc(value)") };
        let kind = match kind {
            DataType::Null
            | DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32 => DataType::Int64,
            DataType::UInt64 => DataType::Decimal128(20, 0),
            DataType::Float16 | DataType::Float32 | DataType::Float64 => DataType::Float64,
            DataType::Decimal128(..) => kind.clone(),
            other => return plan_err!("btc takes a number of satoshis, not {other}"),
        };
        Ok(vec![kind])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::Float64] => Ok(DataType::Float64),
            [DataType::Decimal128(precision, scale)] => {
                let scale = scale + PLACES;
                let precision = (*precision).max(scale.max(0) as u8);
                if precision > DECIMAL128_MAX_PRECISION {
                    return plan_err!("btc: {} has too many decimal places", types[0]);
                }
                Ok(DataType::Decimal128(precision, scale))
            }
            _ => Ok(DataType::Decimal128(INT64_DIGITS, PLACES)),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        super::map_one(&args, |values| {
            // The digits stay, the point moves: nothing is divided, so nothing is rounded.
            let digits = match values.data_type() {
                DataType::Float64 => {
                    let btc = |sats: f64| sats / Sats::PER_BTC as f64;
                    let values = values.as_primitive::<Float64Type>();
                    return Ok(Arc::new(values.unary::<_, Float64Type>(btc)) as ArrayRef);
                }
                DataType::Decimal128(..) => values.as_primitive::<Decimal128Type>().clone(),
                _ => values.as_primitive::<Int64Type>().unary(i128::from),
            };
            Ok(Arc::new(digits.with_data_type(args.return_type().clone())) as ArrayRef)
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&DOC)
    }
}
