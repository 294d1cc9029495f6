//! What a method of estimating power is, and which there are.

use super::inputs::MiningDay;
use super::machines::{Era, Machine, Weighting};
use super::nodes::Nodes;
use super::{Bounds, Parameters, hardware, revenue_share};
use crate::QueryError;

/// A method of estimating the power that a chain draws. Another one is another implementation of this, and a
/// line in [`METHODS`]; its figures then stand beside those of the others.
pub(crate) trait Method: Sync {
    /// Name and version: it changes whenever a figure could.
    fn name(&self) -> &'static str;

    /// The power on each of `days`, which follow each other; fewer if the first of them are without an
    /// estimate.
    fn power(&self, facts: &Facts, parameters: &Parameters) -> Result<Vec<DayPower>, QueryError>;
}

/// Every method, the one that is meant if none is named first.
pub(crate) const METHODS: [&dyn Method; 2] = [&hardware::Hardware, &revenue_share::RevenueShare];

/// What methods go by.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The days, which follow each other.
    pub(crate) days: Vec<MiningDay>,
    /// The machines that mine.
    pub(crate) machines: Vec<Machine>,
    /// How much machines of different age count.
    pub(crate) weighting: Weighting,
    /// The nodes that keep the chain without mining; `None` of a chain that is always mined.
    pub(crate) nodes: Option<Nodes>,
}

/// The power on a day, and what it rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct DayPower {
    /// The place of the day among the facts.
    pub(crate) place: usize,
    /// GW.
    pub(crate) power_gw: Bounds,
    /// The least efficient that pays for its electricity, J/GH; `None` if the method does not ask.
    pub(crate) threshold: Option<f64>,
    /// The machines that do; `None` if the method does not ask, or there were none.
    pub(crate) efficiency: Option<Bounds>,
    /// How many models they are.
    pub(crate) machines: usize,
    /// The kinds among them.
    pub(crate) eras: [bool; Era::ALL.len()],
    /// Whether there were none, so that power is what it was on the day before.
    pub(crate) is_carried: bool,
}

/// The mean of each value and those before it, `window` of them at most.
pub(crate) fn rolling_mean(values: &[f64], window: usize) -> Vec<f64> {
    let window = window.max(1);
    let mean = |place: usize| {
        let last = &values[(place + 1).saturating_sub(window)..=place];
        last.iter().sum::<f64>() / last.len() as f64
    };
    (0..values.len()).map(mean).collect()
}

/// The same of bounds.
pub(crate) fn rolling_mean_of_bounds(values: &[Bounds], window: usize) -> Vec<Bounds> {
    let of = |part: fn(&Bounds) -> f64| {
        rolling_mean(&values.iter().map(part).collect::<Vec<_>>(), window)
    };
    let (lower, best, upper) = (of(|b| b.lower), of(|b| b.best), of(|b| b.upper));
    let bounds = lower.into_iter().zip(best).zip(upper);
    bounds.map(|((lower, best), upper)| Bounds { lower, best, upper }).collect()
}

#[test]
fn means_begin_with_what_there_is() {
    assert_eq!(rolling_mean(&[1.0, 3.0, 5.0, 7.0], 2), [1.0, 2.0, 4.0, 6.0]);
    assert_eq!(rolling_mean(&[1.0, 3.0], 0), [1.0, 3.0]);
    assert!(rolling_mean(&[], 7).is_empty());
}
