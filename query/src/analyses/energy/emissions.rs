//! What a kilowatt-hour emits where a chain is mined.

use std::collections::BTreeMap;

use assay_model::Chain;
use assay_model::reference::{GRID_INTENSITY, MINING_SHARES};

use crate::QueryError;
use crate::reference::{Reference, year};

/// The world, in the place of countries that are not known.
const WORLD: &str = "WLD";

/// Where a chain is mined, and what electricity emits there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Grids {
    /// Months in order, each with the share of each country.
    shares: Vec<(i64, Vec<(String, f64)>)>,
    /// By country, years in order with what a kWh emits, g.
    intensities: BTreeMap<String, Vec<(i32, f64)>>,
}

/// What a kilowatt-hour emits on a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Intensity {
    /// Grams of CO2 equivalents.
    pub(crate) g_per_kwh: f64,
    /// The month of which the shares of countries are, microseconds since 1970.
    pub(crate) shares_month: i64,
    /// The share of those countries that are known.
    pub(crate) known_share: f64,
}

impl Grids {
    pub(crate) fn read(reference: &Reference, chain: Chain) -> Result<Grids, QueryError> {
        let mut grids = Grids::default();
        let rows = reference.rows(&MINING_SHARES)?.rows.iter();
        for row in rows.filter(|row| row.text(0) == chain.name()) {
            let (Some(month), Some(share)) = (row.whole(1), row.number(3)) else { continue };
            let country = (row.text(2).to_owned(), share);
            match grids.shares.last_mut() {
                Some((last, countries)) if *last == month => countries.push(country),
                _ => grids.shares.push((month, vec![country])),
            }
        }
        for row in &reference.rows(&GRID_INTENSITY)?.rows {
            let (Some(year), Some(intensity)) = (row.whole(1), row.number(2)) else { continue };
            let years = grids.intensities.entry(row.text(0).to_owned()).or_default();
            years.push((year as i32, intensity));
        }
        Ok(grids)
    }

    /// What a kWh emits on `day`, microseconds since 1970; `None` if no shares are known, or nothing of the
    /// world.
    pub(crate) fn on(&self, day: i64) -> Option<Intensity> {
        let place = self.shares.partition_point(|(month, _)| *month <= day).max(1);
        let (shares_month, countries) = self.shares.get(place - 1)?;
        let year = year(day);
        let world = self.of(WORLD, year)?;
        let (mut g_per_kwh, mut known_share) = (0.0, 0.0);
        for (country, share) in countries {
            let known = self.of(country, year);
            g_per_kwh += share * known.unwrap_or(world);
            known_share += known.map_or(0.0, |_| *share);
        }
        Some(Intensity { g_per_kwh, shares_month: *shares_month, known_share })
    }

    /// What a kWh emitted in `country`, g: in the last year before that is known, or the first.
    fn of(&self, country: &str, year: i32) -> Option<f64> {
        let years = self.intensities.get(country)?;
        let place = years.partition_point(|(known, _)| *known <= year).max(1);
        years.get(place - 1).map(|(_, intensity)| *intensity)
    }
}

#[test]
fn countries_that_are_not_known_count_as_the_world() {
    let day = |text| crate::reference::day(text).expect("a day");
    let shares = |all: &[(&str, f64)]| all.iter().map(|(c, s)| ((*c).to_owned(), *s)).collect();
    let years = |all: &[(i32, f64)]| all.to_vec();
    let grids = Grids {
        shares: vec![
            (day("2020-01-01"), shares(&[("CHN", 0.6), ("ISL", 0.2), ("other", 0.2)])),
            (day("2021-06-01"), shares(&[("ISL", 1.0)])),
        ],
        intensities: BTreeMap::from([
            ("CHN".to_owned(), years(&[(2019, 600.0), (2021, 500.0)])),
            ("ISL".to_owned(), years(&[(2015, 30.0)])),
            ("WLD".to_owned(), years(&[(2015, 480.0)])),
        ]),
    };
    let on = |text| grids.on(day(text)).expect("a mean");
    assert!((on("2020-06-01").g_per_kwh - (360.0 + 6.0 + 96.0)).abs() < 1e-9);
    assert!((on("2020-06-01").known_share - 0.8).abs() < 1e-9);
    assert!((on("2021-02-01").g_per_kwh - (300.0 + 6.0 + 96.0)).abs() < 1e-9);
    assert!((on("2022-02-01").g_per_kwh - 30.0).abs() < 1e-9);
    // What was before anybody counted is taken to be as when they first did.
    assert_eq!(on("2011-01-01").shares_month, day("2020-01-01"));
    assert_eq!(Grids::default().on(0), None);
}
