//! What an asset cost on a day.

use std::collections::BTreeMap;

use assay_model::reference::PRICES;

use super::Rows;

/// The currency that is meant if none is named.
pub(crate) const DEFAULT_CURRENCY: &str = "usd";

/// The price of one asset in one currency, from one day on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Price {
    /// The day from which it is, microseconds since 1970.
    pub(crate) day: i64,
    /// What one whole coin costs.
    pub(crate) price: f64,
}

/// Prices by asset and currency, and then by day.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Prices(BTreeMap<String, BTreeMap<String, Vec<Price>>>);

impl Prices {
    /// What `rows` of `reference.prices` say.
    pub(super) fn of(rows: &Rows) -> Prices {
        let place = |name| PRICES.place(name);
        let (asset, currency) = (place("asset"), place("currency"));
        let (day, price) = (place("day"), place("price"));
        let mut prices = Prices::default();
        // In the order of the key, so each series is in the order of its days.
        for row in &rows.rows {
            let (Some(day), Some(price)) = (row.whole(day), row.number(price)) else { continue };
            let of_asset = prices.0.entry(row.text(asset).to_owned()).or_default();
            let series = of_asset.entry(row.text(currency).to_owned()).or_default();
            series.push(Price { day, price });
        }
        prices
    }

    /// The prices of `asset` in `currency`, in the order of their days.
    pub(crate) fn series(&self, asset: &str, currency: &str) -> &[Price] {
        let series = self.0.get(asset).and_then(|currencies| currencies.get(currency));
        series.map_or(&[], Vec::as_slice)
    }

    /// The price of `asset` at the moment `micros`: that of the last day that has one; `None` before the
    /// first.
    pub(crate) fn at(&self, asset: &str, currency: &str, micros: i64) -> Option<Price> {
        last_at(self.series(asset, currency), micros)
    }
}

/// The last of `prices`, which are in the order of their days, that holds at the moment `micros`.
pub(crate) fn last_at(prices: &[Price], micros: i64) -> Option<Price> {
    let place = prices.partition_point(|price| price.day <= micros);
    place.checked_sub(1).map(|place| prices[place])
}
