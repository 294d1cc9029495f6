//! An estimate by year, and what a year's energy compares to.

use std::sync::Arc;

use assay_model::reference::ELECTRICITY_USE;

use super::Bounds;
use super::estimate::{Estimate, day_twh};
use super::inputs::Origin;
use crate::reference::{Reference, year};
use crate::{QueryError, Session};

/// What a chain burnt in a year, by one method.
#[derive(Clone, Debug, PartialEq)]
pub struct Year {
    /// The year.
    pub year: i32,
    /// Name and version of the method.
    pub method: &'static str,
    /// Days of it that have an estimate.
    pub days: usize,
    /// Energy of those days, TWh.
    pub twh: Bounds,
    /// Between what 90 % of the guesses of those days are, added up, TWh; `None` if the method has none.
    pub interval_twh: Option<(f64, f64)>,
    /// Emissions of those days, million tonnes of CO2 equivalents.
    pub mt_co2e: Bounds,
    /// Days for which hash rate or revenue was carried forward, or on which no machine paid.
    pub carried_days: usize,
    /// Days whose hash rate is from `reference.hash_rates`, not from blocks.
    pub days_without_blocks: usize,
    /// Days of which only new coins are known of the revenue, and no fees.
    pub days_without_fees: usize,
}

/// A country, and how much more or less a chain burnt.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Name of the country.
    pub country: String,
    /// The year of its figure: that of the question, or the nearest that is known.
    pub year: i32,
    /// Electricity that it used, TWh.
    pub twh: f64,
}

impl Estimate {
    /// Each year of each method, in order.
    pub fn years(&self) -> Vec<Year> {
        let days = &self.gathered.facts.days;
        let mut years: Vec<Year> = Vec::new();
        for method in &self.methods {
            let mut before = Bounds::default();
            for day in &method.days {
                let mined = &days[day.power.place];
                let of = year(mined.day);
                if years.last().is_none_or(|last| (last.year, last.method) != (of, method.name)) {
                    years.push(Year::empty(of, method.name));
                }
                let current = years.last_mut().expect("it was just added");
                current.days += 1;
                current.twh += day_twh(day.power.power_gw);
                current.mt_co2e += day.total_mt + before.map(|value| -value);
                before = day.total_mt;
                // Of nodes there is one guess.
                let one = (mined.hash_rate_ths == 0.0).then_some(day.power.power_gw.best);
                let interval = day.interval.or(one.map(|guess| (guess, guess)));
                current.interval_twh = match (current.interval_twh, interval) {
                    (Some((low, high)), Some((less, more))) => {
                        let twh = day_twh(Bounds { lower: less, best: 0.0, upper: more });
                        Some((low + twh.lower, high + twh.upper))
                    }
                    _ => None,
                };
                let is_carried = day.power.is_carried || mined.hash_rate_from == Origin::Carried;
                current.carried_days += usize::from(is_carried);
                let is_from_table = mined.hash_rate_from == Origin::Reference;
                current.days_without_blocks += usize::from(is_from_table);
                let has_fees = matches!(mined.revenue_from, Origin::Chain | Origin::Reference);
                current.days_without_fees += usize::from(!has_fees);
            }
        }
        years
    }
}

impl Year {
    fn empty(year: i32, method: &'static str) -> Year {
        Year {
            year,
            method,
            days: 0,
            twh: Bounds::default(),
            interval_twh: Some((0.0, 0.0)),
            mt_co2e: Bounds::default(),
            carried_days: 0,
            days_without_blocks: 0,
            days_without_fees: 0,
        }
    }
}

/// What countries used in `in_year`, or in the year nearest to it that is known, the largest first.
pub async fn comparisons(session: &Session, in_year: i32) -> Result<Vec<Comparison>, QueryError> {
    let reference: Arc<Reference> = session.reference().await?;
    let mut all: Vec<(String, Comparison)> = Vec::new();
    for row in &reference.rows(&ELECTRICITY_USE)?.rows {
        let (Some(year), Some(twh)) = (row.whole(1), row.number(3)) else { continue };
        let found = Comparison { country: row.text(2).to_owned(), year: year as i32, twh };
        let distance = |c: &Comparison| (c.year - in_year).abs();
        match all.last_mut() {
            Some((code, last)) if code == row.text(0) => {
                if distance(&found) <= distance(last) {
                    *last = found;
                }
            }
            _ => all.push((row.text(0).to_owned(), found)),
        }
    }
    let mut all: Vec<_> = all.into_iter().map(|(_, comparison)| comparison).collect();
    all.sort_by(|a, b| b.twh.total_cmp(&a.twh).then_with(|| a.country.cmp(&b.country)));
    Ok(all)
}
