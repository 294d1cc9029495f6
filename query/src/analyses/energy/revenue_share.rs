//! Power from above: what miners could buy with the share of their revenue that goes for electricity
//! (Digiconomist's method, after de Vries 2018, "Bitcoin's Growing Energy Problem").

use super::Parameters;
use super::machines::Era;
use super::method::{DayPower, Facts, Method, rolling_mean_of_bounds};
use super::parameters::{PRICE, RESULT_WINDOW, REVENUE_SHARE};
use crate::QueryError;

/// Hours of a day.
const HOURS_PER_DAY: f64 = 24.0;
/// Kilowatts of a gigawatt.
const KW_PER_GW: f64 = 1e6;

/// The method. Its index follows prices at once, where Digiconomist's comes after them slowly.
pub(crate) struct RevenueShare;

impl Method for RevenueShare {
    fn name(&self) -> &'static str {
        "revenue_share/1"
    }

    fn power(&self, facts: &Facts, parameters: &Parameters) -> Result<Vec<DayPower>, QueryError> {
        let (share, price) = (parameters.get(REVENUE_SHARE)?, parameters.best(PRICE)?);
        let window = parameters.best(RESULT_WINDOW)? as usize;
        let mined = facts.days.iter().enumerate().filter(|(_, day)| day.hash_rate_ths > 0.0);
        let priced = mined.filter_map(|(place, day)| Some((place, day.revenue_usd()?)));
        let (places, revenues): (Vec<_>, Vec<_>) = priced.unzip();
        let raw: Vec<_> = revenues
            .iter()
            .map(|revenue| share.map(|share| revenue * share / price / HOURS_PER_DAY / KW_PER_GW))
            .collect();
        let smooth = rolling_mean_of_bounds(&raw, window);
        let powers = places.into_iter().zip(smooth).map(|(place, power_gw)| DayPower {
            place,
            power_gw,
            threshold: None,
            efficiency: None,
            machines: 0,
            eras: [false; Era::ALL.len()],
            is_carried: false,
        });
        Ok(powers.collect())
    }
}
