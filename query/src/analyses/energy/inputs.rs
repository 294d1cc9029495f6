//! What a chain did day by day, as far as its energy depends on it.

use crate::analyses::calendar::DAY_MICROS;
use crate::reference::Price;

/// Where a figure is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From the blocks of the day.
    Chain,
    /// From `reference.hash_rates`.
    Reference,
    /// What it was on the day before, since that day has none of its own.
    Carried,
    /// Revenue only: new coins as the rules of the chain have them, without fees, which are not known.
    Subsidy,
}

impl Origin {
    /// That which is called `name` in the tables.
    pub(crate) fn named(name: &str) -> Option<Origin> {
        let all = [Origin::Chain, Origin::Reference, Origin::Carried, Origin::Subsidy];
        all.into_iter().find(|origin| origin.name() == name)
    }

    /// Its name in the tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Origin::Chain => "chain",
            Origin::Reference => "reference",
            Origin::Carried => "carried",
            Origin::Subsidy => "subsidy",
        }
    }
}

/// What a chain did on a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MiningDay {
    /// When it begins, microseconds since 1970.
    pub(crate) day: i64,
    /// The last height of the day or before; `None` if there is no chain.
    pub(crate) height: Option<i64>,
    /// TH/s; 0 where nothing is hashed.
    pub(crate) hash_rate_ths: f64,
    pub(crate) hash_rate_from: Origin,
    /// Blocks of the day; `None` if that is not known.
    pub(crate) blocks: Option<i64>,
    /// What miners got, whole coins.
    pub(crate) revenue: f64,
    pub(crate) revenue_from: Origin,
    /// What a coin cost; `None` before the first price.
    pub(crate) price: Option<Price>,
    /// Bytes of memory that a machine needs more than.
    pub(crate) dag_bytes: f64,
}

impl MiningDay {
    /// What miners got, USD; `None` before the first price.
    pub(crate) fn revenue_usd(&self) -> Option<f64> {
        self.price.map(|price| self.revenue * price.price)
    }

    /// With what efficiency a machine just pays for its electricity at `price` USD/kWh, J/GH (Cambridge):
    /// revenue a joule, over the price of a joule. `None` if nothing is hashed, or there is no price.
    pub(crate) fn threshold(&self, price: f64) -> Option<f64> {
        let hashed_th = self.hash_rate_ths * (DAY_MICROS / 1_000_000) as f64;
        let usd_per_joule = price / JOULES_PER_KWH;
        let threshold = self.revenue_usd()? / hashed_th / usd_per_joule / GH_PER_TH;
        (self.hash_rate_ths > 0.0 && price > 0.0).then_some(threshold)
    }
}

/// Joules of a kilowatt-hour.
const JOULES_PER_KWH: f64 = 3.6e6;
/// Gigahashes of a terahash.
const GH_PER_TH: f64 = 1e3;
