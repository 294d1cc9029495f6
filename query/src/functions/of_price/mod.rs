//! Functions that answer from `reference.prices`, one a file.

mod fiat;
mod price;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::TimestampMicrosecondType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF};

use super::Bound;
use crate::reference::{DEFAULT_CURRENCY, Price, Prices, last_at};

/// The functions over `snapshot`.
pub(super) fn all(snapshot: &Bound) -> [ScalarUDF; 2] {
    [
        ScalarUDF::from(price::PriceOf::new(snapshot.clone())),
        ScalarUDF::from(fiat::Fiat::new(snapshot.clone())),
    ]
}

/// What functions of prices are asked for, row by row.
struct Asked {
    assets: StringArray,
    times: ArrayRef,
    currencies: Option<StringArray>,
}

impl Asked {
    /// Of `rows` rows: the asset, the moment and the currency, if there is one.
    fn new(
        asset: &ColumnarValue,
        time: &ColumnarValue,
        currency: Option<&ColumnarValue>,
        rows: usize,
    ) -> Result<Asked> {
        let text = |value: &ColumnarValue| -> Result<StringArray> {
            Ok(value.to_array(rows)?.as_string::<i32>().clone())
        };
        Ok(Asked {
            assets: text(asset)?,
            times: time.to_array(rows)?,
            currencies: currency.map(text).transpose()?,
        })
    }

    /// For each row its asset and the price of that; `None` where there is none.
    fn prices<'a>(
        &'a self,
        prices: &'a Prices,
    ) -> impl Iterator<Item = Option<(&'a str, Price)>> + 'a {
        // Runs of one asset are the rule, so its prices are looked up once a run.
        let mut known: (&str, &str, &[Price]) = ("", "", &[]);
        let times = self.times.as_primitive::<TimestampMicrosecondType>();
        (0..self.assets.len()).map(move |row| {
            let is_null = self.assets.is_null(row)
                || times.is_null(row)
                || self.currencies.as_ref().is_some_and(|currencies| currencies.is_null(row));
            if is_null {
                return None;
            }
            let asset = self.assets.value(row);
            let currency = self.currencies.as_ref().map_or(DEFAULT_CURRENCY, |c| c.value(row));
            if (known.0, known.1) != (asset, currency) {
                known = (asset, currency, prices.series(asset, currency));
            }
            Some((asset, last_at(known.2, times.value(row))?))
        })
    }
}
