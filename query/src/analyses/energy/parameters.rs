//! The parameters of a method, each by its name.

use std::collections::BTreeMap;

use assay_model::Chain;
use assay_model::reference::ENERGY_PARAMETERS;

use super::Bounds;
use crate::QueryError;
use crate::reference::Reference;

/// Price of electricity, USD/kWh.
pub const PRICE: &str = "price_usd_per_kwh";
/// Power of a whole site over that of its machines.
pub const PUE: &str = "pue";
/// Years of 365 days after its release during which a machine may be in use.
pub const LIFETIME: &str = "hardware_lifetime";
/// Months after its release in which a machine is first delivered.
pub const DELIVERY: &str = "delivery_delay";
/// How much machines count in each year since then; those that are older do not.
pub const AGE_WEIGHTS: [&str; 5] = [
    "age_weight_year1",
    "age_weight_year2",
    "age_weight_year3",
    "age_weight_year4",
    "age_weight_year5",
];
/// Days over which the threshold of profit is averaged.
pub const THRESHOLD_WINDOW: &str = "threshold_window";
/// Days over which power is averaged.
pub const RESULT_WINDOW: &str = "result_window";
/// What share of their revenue miners spend on electricity.
pub const REVENUE_SHARE: &str = "revenue_share";

/// Parameters by their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters(BTreeMap<String, Bounds>);

impl Parameters {
    /// Those of `chain` in `reference.energy_parameters`.
    pub(crate) fn read(reference: &Reference, chain: Chain) -> Result<Parameters, QueryError> {
        let table = &ENERGY_PARAMETERS;
        let place = |name| table.place(name);
        let (of_chain, name) = (place("chain"), place("parameter"));
        let (lower, best, upper) = (place("lower"), place("best"), place("upper"));
        let rows = reference.rows(table)?.rows.iter();
        let rows = rows.filter(|row| row.text(of_chain) == chain.name());
        let bounds = rows.filter_map(|row| {
            let [lower, best, upper] = [lower, best, upper].map(|place| row.number(place));
            let bounds = Bounds { lower: lower?, best: best?, upper: upper? };
            Some((row.text(name).to_owned(), bounds))
        });
        Ok(Parameters(bounds.collect()))
    }

    /// The same with `changes`.
    pub(crate) fn changed(
        reference: &Reference,
        chain: Chain,
        changes: &[(String, f64)],
    ) -> Result<Parameters, QueryError> {
        let mut parameters = Parameters::read(reference, chain)?;
        changes.iter().try_for_each(|(name, value)| parameters.set(name, *value))?;
        Ok(parameters)
    }

    /// The parameter called `name`.
    pub fn get(&self, name: &str) -> Result<Bounds, QueryError> {
        self.0.get(name).copied().ok_or_else(|| self.unknown(name))
    }

    /// What the parameter called `name` most likely is.
    pub fn best(&self, name: &str) -> Result<f64, QueryError> {
        self.get(name).map(|bounds| bounds.best)
    }

    /// Sets a parameter that there is, to be the same for all bounds.
    pub fn set(&mut self, name: &str, value: f64) -> Result<(), QueryError> {
        if !value.is_finite() || value < 0.0 {
            let reason = format!("{name} is {value}: it is to be a number from 0 on");
            return Err(QueryError::Parameter { reason });
        }
        match self.0.get_mut(name) {
            Some(bounds) => *bounds = Bounds::all(value),
            None => return Err(self.unknown(name)),
        }
        Ok(())
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Bounds)> {
        self.0.iter().map(|(name, bounds)| (name.as_str(), *bounds))
    }

    fn unknown(&self, name: &str) -> QueryError {
        let known: Vec<_> = self.0.keys().map(String::as_str).collect();
        QueryError::Parameter {
            reason: format!("there is no parameter {name}: there are {}", known.join(", ")),
        }
    }
}
