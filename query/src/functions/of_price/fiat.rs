//! `fiat(asset, amount, time [, currency])`: an amount at a day's price.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray, Decimal128Array};
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Decimal256Type, i256,
};
use assay_model::ColumnType;
use datafusion::common::{Result, exec_datafusion_err, plan_err};
use datafusion::logical_expr::scalar_doc_sections::DOC_SECTION_MATH;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::{Asked, Bound};
use crate::Asset;

/// Decimal places of an answer: a satoshi is worth less than a cent.
const PLACES: u32 = 6;
/// Decimal places to which a price counts.
const PRICE_PLACES: u32 = 12;

static DOC: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        DOC_SECTION_MATH,
        "What an amount was worth at a moment, with six decimal places: the amount times price(asset, time, currency); null where there is no price. Sums are the same in any order.",
        "fiat(asset, amount, time [, currency])",
    )
    .with_argument("asset", "'bitcoin', 'ethereum', or the address of a token's contract, whose decimal places reference.tokens knows (18 if it does not).")
    .with_argument("amount", "The amount in base units: satoshi, wei.")
    .with_argument("time", "The moment; a date is its midnight, UTC.")
    .with_argument("currency", "'usd', which it is if absent, or another that was imported.")
    .with_sql_example("select sum(fiat('bitcoin', fees, time)) from bitcoin.blocks")
    .with_related_udf("price")
    .build()
});

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Fiat {
    snapshot: Bound,
    signature: Signature,
}

impl Fiat {
    pub(super) fn new(snapshot: Bound) -> Fiat {
        Fiat { snapshot, signature: Signature::user_defined(Volatility::Stable) }
    }

    /// A coin of `asset` has 10 to this power base units.
    fn decimals(&self, asset: &str) -> Result<u32> {
        match Asset::named(asset)? {
            Asset::Token(token) => Ok(self.snapshot.0.token_decimals(&token)?),
            coin => Ok(coin.decimals()),
        }
    }
}

impl ScalarUDFImpl for Fiat {
    fn name(&self) -> &str {
        "fiat"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let is_amount = |kind: &DataType| {
            kind.is_integer()
                || kind.is_null()
                || matches!(kind, DataType::Decimal128(_, 0) | DataType::Decimal256(_, 0))
        };
        match types {
            [_, amount, _] | [_, amount, _, _] if is_amount(amount) => {
                let all = [
                    DataType::Utf8,
                    DataType::Decimal256(DECIMAL256_MAX_PRECISION, 0),
                    ColumnType::Time.data_type(),
                    DataType::Utf8,
                ];
                Ok(all[..types.len()].to_vec())
            }
            _ => plan_err!(
                "fiat takes an asset, an amount in base units, which is a whole number, and a moment: fiat('bitcoin', 5000000000, '2020-12-31')"
            ),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Decimal128(DECIMAL128_MAX_PRECISION, PLACES as i8))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [asset, amount, time] = [&args.args[0], &args.args[1], &args.args[2]];
        let asked = Asked::new(asset, time, args.args.get(3), args.number_rows)?;
        let amounts = amount.to_array(args.number_rows)?;
        let amounts = amounts.as_primitive::<Decimal256Type>();
        let prices = self.snapshot.0.reference.prices()?;
        let mut known: Option<(&str, u32)> = None;
        let mut answers = Vec::with_capacity(amounts.len());
        for (row, found) in asked.prices(prices).enumerate() {
            let Some((asset, price)) = found.filter(|_| amounts.is_valid(row)) else {
                answers.push(None);
                continue;
            };
            let decimals = match known {
                Some((same, decimals)) if same == asset => decimals,
                _ => self.decimals(asset)?,
            };
            known = Some((asset, decimals));
            let worth = worth(amounts.value(row), decimals, price.price);
            let too_much =
                || exec_datafusion_err!("fiat: {} is worth too much", amounts.value(row));
            answers.push(Some(worth.ok_or_else(too_much)?));
        }
        let answers = answers.into_iter().collect::<Decimal128Array>();
        Ok(ColumnarValue::Array(Arc::new(answers.with_data_type(args.return_type().clone()))))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&DOC)
    }
}

/// What `amount` base units are worth, in units of the last place, the half rounded away from zero.
fn worth(amount: i256, decimals: u32, price: f64) -> Option<i128> {
    let ten = i256::from_i128(10);
    // Prices are below 10^8: whole numbers of 20 digits.
    let price = i256::from_i128((price * 10f64.powi(PRICE_PLACES as i32)).round() as i128);
    let unit = ten.checked_pow(decimals + PRICE_PLACES - PLACES)?;
    let product = amount.checked_mul(price)?;
    let half = unit.checked_div(i256::from_i128(2))?;
    let half = if product.is_negative() { half.checked_neg()? } else { half };
    let worth = product.checked_add(half)?.checked_div(unit)?.to_i128()?;
    (worth.unsigned_abs() < 10u128.pow(u32::from(DECIMAL128_MAX_PRECISION))).then_some(worth)
}

#[test]
fn amounts_are_rounded_once_and_never_wrap() {
    let satoshi = |amount, price| worth(i256::from_i128(amount), 8, price);
    assert_eq!(satoshi(100_000_000, 29_000.5), Some(29_000_500_000));
    assert_eq!(satoshi(1, 50_000.0), Some(500));
    assert_eq!(satoshi(1, 0.000_05), Some(0));
    assert_eq!(satoshi(-1, 50.0), Some(-1));
    assert_eq!(satoshi(1, 50.0), Some(1));
    assert_eq!(satoshi(1, 49.99), Some(0));
    assert_eq!(worth(i256::MAX, 18, 1e8), None);
    assert_eq!(worth(i256::from_i128(i128::MAX), 0, 1e8), None);
}
