//! `btc(value)`, `ether(value)`, `gwei(value)`: amounts in base units as people write them.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Float64Type, Int64Type,
};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_MATH;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

/// Digits of the greatest 64-bit number.
const INT64_DIGITS: u8 = 19;

static BTC: LazyLock<Documentation> = LazyLock::new(|| {
    doc(
        "btc(value)",
        "Satoshis as bitcoins",
        "eight",
        "select btc(sum(value)) from bitcoin.outputs",
    )
});
static ETHER: LazyLock<Documentation> = LazyLock::new(|| {
    let example = "select ether(sum(value)) from ethereum.value_flows where kind = 'genesis'";
    doc("ether(value)", "Wei as ether", "eighteen", example)
});
static GWEI: LazyLock<Documentation> = LazyLock::new(|| {
    let example = "select gwei(base_fee_per_gas) from ethereum.blocks where height = 17000000";
    doc("gwei(value)", "Wei as Gwei, in which gas is priced", "nine", example)
});

fn doc(syntax: &str, what: &str, places: &str, example: &str) -> Documentation {
    let words =
        format!("{what}: exact, with {places} decimal places; floating-point numbers stay such.");
    Documentation::builder(DOC_SECTION_MATH, words, syntax)
        .with_argument("value", "An amount in the base unit, or a sum or average of amounts.")
        .with_sql_example(example)
        .build()
}

/// A unit that people count in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Unit {
    /// 10^8 satoshi.
    Btc,
    /// 10^18 wei.
    Ether,
    /// 10^9 wei.
    Gwei,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Unit::Btc => "btc",
            Unit::Ether => "ether",
            Unit::Gwei => "gwei",
        }
    }

    /// Its decimal places.
    fn places(self) -> i8 {
        match self {
            Unit::Btc => 8,
            Unit::Ether => 18,
            Unit::Gwei => 9,
        }
    }
}

/// The function of a unit.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Coins {
    unit: Unit,
    signature: Signature,
}

impl Coins {
    pub(super) fn new(unit: Unit) -> Coins {
        Coins { unit, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Coins {
    fn name(&self) -> &str {
        self.unit.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let name = self.name();
        let [kind] = types else { return plan_err!("{name} takes one amount: {name}(value)") };
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
            other => return plan_err!("{name} takes an amount in base units, not {other}"),
        };
        Ok(vec![kind])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::Float64] => Ok(DataType::Float64),
            [DataType::Decimal128(precision, scale)] => {
                let scale = scale + self.unit.places();
                let precision = (*precision).max(scale.max(0) as u8);
                if precision > DECIMAL128_MAX_PRECISION {
                    let name = self.name();
                    return plan_err!("{name}: {} has too many decimal places", types[0]);
                }
                Ok(DataType::Decimal128(precision, scale))
            }
            _ => Ok(DataType::Decimal128(INT64_DIGITS, self.unit.places())),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        super::map_one(&args, |values| {
            // The digits stay, the point moves: nothing is divided, so nothing is rounded.
            let digits = match values.data_type() {
                DataType::Float64 => {
                    let base_units = 10f64.powi(i32::from(self.unit.places()));
                    let values = values.as_primitive::<Float64Type>();
                    let coins = values.unary::<_, Float64Type>(|value| value / base_units);
                    return Ok(Arc::new(coins) as ArrayRef);
                }
                DataType::Decimal128(..) => values.as_primitive::<Decimal128Type>().clone(),
                _ => values.as_primitive::<Int64Type>().unary(i128::from),
            };
            Ok(Arc::new(digits.with_data_type(args.return_type().clone())) as ArrayRef)
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(match self.unit {
            Unit::Btc => &BTC,
            Unit::Ether => &ETHER,
            Unit::Gwei => &GWEI,
        })
    }
}
