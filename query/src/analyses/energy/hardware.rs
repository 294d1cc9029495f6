//! Power from below: what the machines that pay for their electricity draw (Cambridge's method: CBECI for
//! Bitcoin, CBNSI for Ethereum), and where nothing is mined, what nodes draw.

use super::inputs::MiningDay;
use super::machines::{Available, Era, InPlay, Use};
use super::method::{DayPower, Facts, Method, rolling_mean, rolling_mean_of_bounds};
use super::parameters::{PRICE, PUE, RESULT_WINDOW, THRESHOLD_WINDOW};
use super::{Bounds, Parameters};
use crate::QueryError;

/// Joules a gigahash at a terahash a second are so many gigawatts.
const GW_PER_J_PER_GH_AND_THS: f64 = 1e3 / 1e9;

/// The method.
pub(crate) struct Hardware;

impl Method for Hardware {
    fn name(&self) -> &'static str {
        "hardware/1"
    }

    fn power(&self, facts: &Facts, parameters: &Parameters) -> Result<Vec<DayPower>, QueryError> {
        let profile = Profile::new(facts, parameters)?;
        Ok(profile.power(&facts.days, &Scenario::read(parameters)?))
    }
}

/// Parameters that differ from one sample to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scenario {
    /// USD/kWh.
    pub(crate) price: f64,
    pub(crate) pue: Bounds,
    pub(crate) threshold_window: usize,
    pub(crate) result_window: usize,
}

impl Scenario {
    /// With all of them as they are.
    pub(crate) fn read(parameters: &Parameters) -> Result<Scenario, QueryError> {
        Ok(Scenario {
            price: parameters.best(PRICE)?,
            pue: parameters.get(PUE)?,
            threshold_window: parameters.best(THRESHOLD_WINDOW)? as usize,
            result_window: parameters.best(RESULT_WINDOW)? as usize,
        })
    }
}

/// What does not differ: the machines that can be in use on each day, and what nodes draw where none are.
pub(crate) struct Profile {
    available: Vec<Available>,
    /// GW.
    nodes: Vec<Option<Bounds>>,
}

impl Profile {
    pub(crate) fn new(facts: &Facts, parameters: &Parameters) -> Result<Profile, QueryError> {
        let used = Use::read(parameters, facts.weighting)?;
        let available = facts.days.iter();
        let available =
            available.map(|day| Available::new(&facts.machines, day.day, &used, day.dag_bytes));
        let nodes = facts.days.iter().map(|day| {
            let nodes = facts.nodes.as_ref().filter(|_| day.hash_rate_ths == 0.0)?;
            nodes.power_gw(day.day)
        });
        Ok(Profile { available: available.collect(), nodes: nodes.collect() })
    }

    /// The power on each of `days` that has one.
    pub(crate) fn power(&self, days: &[MiningDay], scenario: &Scenario) -> Vec<DayPower> {
        let thresholds = thresholds(days, scenario);
        let mut all: Vec<DayPower> = Vec::with_capacity(days.len());
        for (place, day) in days.iter().enumerate() {
            if let Some(power_gw) = self.nodes[place] {
                all.push(of_nodes(place, power_gw));
                continue;
            }
            let threshold = thresholds[place];
            let in_play = threshold.and_then(|threshold| self.available[place].below(threshold));
            match (in_play, all.last()) {
                (Some(in_play), _) => {
                    all.push(of_machines(place, day, threshold, in_play, scenario))
                }
                // Nobody would mine, and yet blocks come.
                (None, Some(before)) => {
                    all.push(DayPower {
                        place,
                        threshold,
                        machines: 0,
                        is_carried: true,
                        ..*before
                    });
                }
                (None, None) => {}
            }
        }
        smooth(&mut all, &self.nodes, scenario.result_window);
        all
    }
}

/// For each day the mean of its threshold and those of the days before, J/GH.
fn thresholds(days: &[MiningDay], scenario: &Scenario) -> Vec<Option<f64>> {
    let raw: Vec<_> = days.iter().map(|day| day.threshold(scenario.price)).collect();
    let known: Vec<f64> = raw.iter().copied().flatten().collect();
    let mut means = rolling_mean(&known, scenario.threshold_window).into_iter();
    raw.iter().map(|threshold| threshold.and_then(|_| means.next())).collect()
}

fn of_machines(
    place: usize,
    day: &MiningDay,
    threshold: Option<f64>,
    in_play: InPlay,
    scenario: &Scenario,
) -> DayPower {
    let gw = day.hash_rate_ths * GW_PER_J_PER_GH_AND_THS;
    DayPower {
        place,
        power_gw: in_play.efficiency * scenario.pue * Bounds::all(gw),
        threshold,
        efficiency: Some(in_play.efficiency),
        machines: in_play.count,
        eras: in_play.eras,
        is_carried: false,
    }
}

fn of_nodes(place: usize, power_gw: Bounds) -> DayPower {
    DayPower {
        place,
        power_gw,
        threshold: None,
        efficiency: None,
        machines: 0,
        eras: [false; Era::ALL.len()],
        is_carried: false,
    }
}

/// Averages power over days, and over none on which nothing was mined: when Ethereum stopped to be, its
/// power fell at once.
fn smooth(all: &mut [DayPower], nodes: &[Option<Bounds>], window: usize) {
    let is_mined = |power: &DayPower| nodes[power.place].is_none();
    for run in all.chunk_by_mut(|a, b| is_mined(a) == is_mined(b)) {
        if run.first().is_some_and(is_mined) {
            let raw: Vec<_> = run.iter().map(|power| power.power_gw).collect();
            let means = rolling_mean_of_bounds(&raw, window);
            run.iter_mut().zip(means).for_each(|(power, mean)| power.power_gw = mean);
        }
    }
}
