//! How far guesses spread if parameters are drawn from between their bounds (Monte Carlo).

use oorandom::Rand64;

use super::Bounds;
use super::hardware::{Profile, Scenario};
use super::inputs::MiningDay;
use super::method::Facts;
use super::parameters::{PRICE, PUE, Parameters};
use crate::QueryError;

/// What all draws follow from, so that the same facts give the same interval.
const SEED: u128 = 56;
/// How often parameters are drawn.
pub(crate) const DRAWS: usize = 500;
/// The share of guesses on either side of the interval.
const TAIL: f64 = 0.05;

/// For each of the days of `facts`, between what 90 % of the best guesses are, GW; `None` where there is none.
///
/// The price of electricity and the PUE are drawn for all days alike, each from a triangle whose corners are
/// the bounds and whose top is the best guess. What does not vary is the mix of machines, and the method.
pub(crate) fn interval(
    facts: &Facts,
    parameters: &Parameters,
) -> Result<Vec<Option<(f64, f64)>>, QueryError> {
    let profile = Profile::new(facts, parameters)?;
    let (price, pue) = (parameters.get(PRICE)?, parameters.get(PUE)?);
    let as_they_are = Scenario::read(parameters)?;
    let mut random = Rand64::new(SEED);
    let mut drawn: Vec<Vec<f64>> = vec![Vec::with_capacity(DRAWS); facts.days.len()];
    for _ in 0..DRAWS {
        let scenario = Scenario {
            price: triangle(price, random.rand_float()),
            pue: Bounds::all(triangle(pue, random.rand_float())),
            ..as_they_are
        };
        for power in profile.power(&facts.days, &scenario) {
            drawn[power.place].push(power.power_gw.best);
        }
    }
    Ok(drawn.iter_mut().zip(&facts.days).map(|(guesses, day)| tails(guesses, day)).collect())
}

/// The guesses at both ends of `guesses` without the tails; `None` where nothing was mined.
fn tails(guesses: &mut [f64], day: &MiningDay) -> Option<(f64, f64)> {
    // A draw may be without an estimate on the first days, when no machine pays.
    if guesses.len() < DRAWS || day.hash_rate_ths == 0.0 {
        return None;
    }
    guesses.sort_by(f64::total_cmp);
    let cut = (guesses.len() as f64 * TAIL) as usize;
    Some((guesses[cut], guesses[guesses.len() - 1 - cut]))
}

/// The value below which a share `chance` of a triangular distribution lies.
fn triangle(bounds: Bounds, chance: f64) -> f64 {
    let corners = [bounds.lower.min(bounds.upper), bounds.lower.max(bounds.upper)];
    let [least, most] = [corners[0].min(bounds.best), corners[1].max(bounds.best)];
    let width = most - least;
    if width <= 0.0 {
        return bounds.best;
    }
    let top = (bounds.best - least) / width;
    match chance < top {
        true => least + width * (chance * top).sqrt(),
        false => most - width * ((1.0 - chance) * (1.0 - top)).sqrt(),
    }
}

#[test]
fn draws_are_of_a_triangle() {
    let bounds = Bounds { lower: 1.0, best: 2.0, upper: 5.0 };
    assert_eq!(triangle(bounds, 0.0), 1.0);
    assert_eq!(triangle(bounds, 0.25), 2.0);
    assert_eq!(triangle(bounds, 1.0), 5.0);
    assert_eq!(triangle(Bounds::all(3.0), 0.4), 3.0);
    let mut random = Rand64::new(SEED);
    let draws = 100_000;
    let mean =
        (0..draws).map(|_| triangle(bounds, random.rand_float())).sum::<f64>() / draws as f64;
    // Of a triangle it is the mean of the corners.
    assert!((mean - 8.0 / 3.0).abs() < 0.01, "{mean}");
}
