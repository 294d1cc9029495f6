//! `token_amount(value, decimals)`: an amount of a token as people write it.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DECIMAL256_MAX_PRECISION, DataType, Decimal256Type, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_MATH;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
    Volatility,
};

static DOC: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        DOC_SECTION_MATH,
        "An amount in a token's base units as its holders write it: exact, with as many decimal places as the token has. The contract's decimals() says how many these are.",
        "token_amount(value, decimals)",
    )
    .with_argument("value", "An amount in base units, or a sum of such.")
    .with_argument("decimals", "Decimal places of the token, a constant from 0 to 76.")
    .with_sql_example("select token_amount(sum(value), 6) from ethereum.token_transfers where token = '0xdac17f958d2ee523a2206206994597c13d831ec7'")
    .with_related_udf("ether")
    .build()
});

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct TokenAmount {
    signature: Signature,
}

impl TokenAmount {
    pub(super) fn new() -> TokenAmount {
        TokenAmount { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for TokenAmount {
    fn name(&self) -> &str {
        "token_amount"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let is_amount = |kind: &DataType| {
            kind.is_null()
                || kind.is_integer()
                || matches!(kind, DataType::Decimal128(_, 0) | DataType::Decimal256(_, 0))
        };
        match types {
            [amount, decimals] if is_amount(amount) && decimals.is_integer() => {
                let whole = DataType::Decimal256(DECIMAL256_MAX_PRECISION, 0);
                Ok(vec![whole, DataType::Int64])
            }
            _ => plan_err!(
                "token_amount takes an amount in base units and a number of decimal places: token_amount(value, 18)"
            ),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        plan_err!("the type depends on the number of decimal places")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let most = i64::from(DECIMAL256_MAX_PRECISION);
        match args.scalar_arguments.get(1) {
            Some(Some(ScalarValue::Int64(Some(decimals)))) if (0..=most).contains(decimals) => {
                let kind = DataType::Decimal256(DECIMAL256_MAX_PRECISION, *decimals as i8);
                Ok(Arc::new(Field::new(self.name(), kind, true)))
            }
            _ => plan_err!("token_amount: the decimal places are a constant from 0 to {most}"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        super::map_one(&args, |values| {
            // The digits stay, the point moves: nothing is divided, so nothing is rounded.
            let whole = cast(values, &DataType::Decimal256(DECIMAL256_MAX_PRECISION, 0))?;
            let digits = whole.as_primitive::<Decimal256Type>().clone();
            Ok(Arc::new(digits.with_data_type(args.return_type().clone())) as ArrayRef)
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&DOC)
    }
}
