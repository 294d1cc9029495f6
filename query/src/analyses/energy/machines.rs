//! Machines, and which of them pay for their electricity.

use super::parameters::{AGE_WEIGHTS, DELIVERY, LIFETIME};
use super::{Bounds, Parameters};
use crate::QueryError;
use crate::analyses::calendar::DAY_MICROS;
use crate::reference::month;

/// Days of the years in which lifetimes are counted.
const YEAR_DAYS: f64 = 365.0;

/// What kind of machine it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Era {
    /// Processors of computers.
    Cpu,
    /// Graphics cards.
    Gpu,
    /// Programmable circuits.
    Fpga,
    /// Circuits made for it.
    Asic,
}

impl Era {
    /// All of them, in the order in which they came.
    pub const ALL: [Era; 4] = [Era::Cpu, Era::Gpu, Era::Fpga, Era::Asic];

    /// Its name in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Era::Cpu => "cpu",
            Era::Gpu => "gpu",
            Era::Fpga => "fpga",
            Era::Asic => "asic",
        }
    }
}

/// A machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Machine {
    pub(crate) era: Era,
    /// The day since when it can be bought, microseconds since 1970.
    pub(crate) released: i64,
    /// The month of it, months since the year 0.
    pub(crate) release_month: i32,
    /// Energy a hash, J/GH.
    pub(crate) efficiency: f64,
    /// Memory, bytes; `None` if it does not limit the machine.
    pub(crate) memory: Option<f64>,
}

/// How much machines of different age count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weighting {
    /// New ones more than old ones, for they are in use in greater numbers (Bitcoin).
    ByAge,
    /// All the same (Ethereum).
    Equal,
}

/// How long machines are in use, and how much they count.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Use {
    /// Days after their release.
    lifetime_days: f64,
    /// Months after their release in which they are first delivered.
    delivery_months: i32,
    /// Weights by whole years since then; empty if all count the same, from their release on.
    weights: Vec<f64>,
}

impl Use {
    pub(crate) fn read(parameters: &Parameters, weighting: Weighting) -> Result<Use, QueryError> {
        let lifetime_days = parameters.best(LIFETIME)? * YEAR_DAYS;
        match weighting {
            Weighting::Equal => Ok(Use { lifetime_days, delivery_months: 0, weights: Vec::new() }),
            Weighting::ByAge => {
                let weights = AGE_WEIGHTS.iter().map(|name| parameters.best(name));
                Ok(Use {
                    lifetime_days,
                    delivery_months: parameters.best(DELIVERY)? as i32,
                    weights: weights.collect::<Result<_, _>>()?,
                })
            }
        }
    }

    /// How much `machine` counts on `day`, which is in `month`; `None` if it is not there yet, or too old.
    fn weight(&self, machine: &Machine, day: i64, month: i32) -> Option<f64> {
        let age_days = (day - machine.released) as f64 / DAY_MICROS as f64;
        if !(0.0..self.lifetime_days).contains(&age_days) {
            return None;
        }
        if self.weights.is_empty() {
            return Some(1.0);
        }
        let months = month - machine.release_month - self.delivery_months;
        let weight = self.weights.get(usize::try_from(months).ok()? / 12).copied();
        weight.filter(|weight| *weight > 0.0)
    }
}

/// The machines that pay for their electricity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct InPlay {
    /// How many there are.
    pub(crate) count: usize,
    /// Of the most efficient one, of their mean, and of the least efficient one, J/GH.
    pub(crate) efficiency: Bounds,
    /// The kinds among them.
    pub(crate) eras: [bool; Era::ALL.len()],
}

/// The machines that can be in use on one day, the most efficient first, with sums of those up to each: so
/// that it takes one search to know the mean of those below any threshold.
#[derive(Clone, Debug)]
pub(crate) struct Available {
    /// Efficiency, J/GH; weights and weighted efficiencies of it and those before; kind.
    all: Vec<(f64, f64, f64, Era)>,
}

impl Available {
    /// Those of `machines` that can be in use on `day`, microseconds since 1970: released, not too old,
    /// and with more memory than `needed` bytes.
    pub(crate) fn new(machines: &[Machine], day: i64, used: &Use, needed: f64) -> Available {
        let month = month(day);
        let mut all: Vec<_> = machines
            .iter()
            .filter(|machine| machine.memory.is_none_or(|memory| memory > needed))
            .filter_map(|machine| {
                let weight = used.weight(machine, day, month)?;
                Some((machine.efficiency, weight, weight * machine.efficiency, machine.era))
            })
            .collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        for place in 1..all.len() {
            all[place].1 += all[place - 1].1;
            all[place].2 += all[place - 1].2;
        }
        Available { all }
    }

    /// Those that are more efficient than `threshold`, J/GH; `None` if none is.
    pub(crate) fn below(&self, threshold: f64) -> Option<InPlay> {
        let count = self.all.partition_point(|(efficiency, ..)| *efficiency < threshold);
        let (upper, weights, sum, _) = *self.all.get(count.checked_sub(1)?)?;
        let lower = self.all[0].0;
        let mut eras = [false; Era::ALL.len()];
        self.all[..count].iter().for_each(|(.., era)| eras[*era as usize] = true);
        Some(InPlay { count, efficiency: Bounds { lower, best: sum / weights, upper }, eras })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{day, month};

    fn machine(released: &str, efficiency: f64) -> Machine {
        let released = day(released).expect("a day");
        let release_month = month(released);
        Machine { era: Era::Asic, released, release_month, efficiency, memory: None }
    }

    fn used() -> Use {
        let weights = vec![1.0, 0.8, 0.6, 0.4, 0.2];
        Use { lifetime_days: 5.0 * YEAR_DAYS, delivery_months: 2, weights }
    }

    fn available(machines: &[Machine], on: &str) -> Available {
        let on = day(on).expect("a day");
        Available::new(machines, on, &used(), 0.0)
    }

    #[test]
    fn a_machine_counts_from_its_delivery_and_less_each_year() {
        let all = [machine("2018-01-01", 1.0)];
        let counts = |on| available(&all, on).all.first().map(|(_, weight, ..)| *weight);
        for (on, weight) in [
            ("2017-12-31", None),
            ("2018-02-28", None),
            ("2018-03-01", Some(1.0)),
            ("2019-02-28", Some(1.0)),
            ("2019-03-01", Some(0.8)),
            ("2022-12-29", Some(0.2)),
            ("2022-12-31", None),
        ] {
            assert_eq!(counts(on), weight, "{on}");
        }
    }

    #[test]
    fn those_below_a_threshold_are_found_without_looking_at_each() {
        let all = [
            machine("2018-01-01", 0.1),
            machine("2019-06-01", 0.05),
            machine("2016-01-01", 0.3),
            machine("2020-01-01", 0.04),
        ];
        let on = "2020-02-01";
        let slow = |threshold: f64| {
            let (on, month) = (day(on).expect("a day"), month(day(on).expect("a day")));
            let weighted: Vec<_> = all
                .iter()
                .filter(|machine| machine.efficiency < threshold)
                .filter_map(|m| Some((m.efficiency, used().weight(m, on, month)?)))
                .collect();
            let weights: f64 = weighted.iter().map(|(_, weight)| weight).sum();
            let sum: f64 = weighted.iter().map(|(efficiency, weight)| efficiency * weight).sum();
            (weighted.len(), sum / weights)
        };
        let available = available(&all, on);
        for threshold in [0.06, 0.11, 1.0] {
            let fast = available.below(threshold).expect("some");
            let (count, mean) = slow(threshold);
            assert_eq!(fast.count, count);
            assert!((fast.efficiency.best - mean).abs() < 1e-12);
            assert!(fast.efficiency.is_ordered());
        }
        assert_eq!(available.below(0.05), None);
    }
}
