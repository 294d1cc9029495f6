//! The history of an asset's holdings, day by day, in one ordered pass over its changes.
//!
//! # Invariants
//!
//! * A change of a balance costs the same whatever there is: a place in a ledger, in a histogram and among
//!   the brackets. Nothing is gone through again but the bins of the histogram, once a day.
//! * How many workers share the holders among them changes no figure: counts and sums are exact, and the
//!   measures are taken of all together.

use std::thread;

use super::amount::Amount;
use super::bins::{Bin, Bins, classes};
use super::brackets::{Counts, Edges};
use super::ledger::{Holder, Ledger};
use crate::analyses::calendar::Day;
use crate::distribution::Classes;

/// What changed on a day, by worker: what came to holders, and what went from them.
#[derive(Clone, Debug)]
pub(super) struct Changes<A> {
    pub(super) day: Day,
    /// For each worker.
    received: Vec<Vec<(Holder, A)>>,
    /// For each worker.
    sent: Vec<Vec<(Holder, A)>>,
    /// What came into being, less what ceased to be, base units.
    issued: i128,
}

/// The most that all may hold together: what a decimal of 38 digits holds. Below it, no sum of what some
/// of them hold can overflow.
const MOST_HELD: i128 = 10i128.pow(38) - 1;

/// Changes whose holders are looked up at once.
const FETCHED: usize = 16;

/// More than an amount can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMuch;

impl<A: Amount> Changes<A> {
    pub(super) fn new(day: Day, workers: usize) -> Changes<A> {
        let empty = || (0..workers).map(|_| Vec::new()).collect();
        Changes { day, received: empty(), sent: empty(), issued: 0 }
    }

    /// `amount` came to `holder`.
    pub(super) fn receive(&mut self, holder: Holder, amount: i128) -> Result<(), TooMuch> {
        let worker = holder.worker(self.received.len());
        self.received[worker].push((holder, A::new(amount).ok_or(TooMuch)?));
        Ok(())
    }

    /// `amount` came into being; below zero, it ceased to be.
    pub(super) fn issue(&mut self, amount: i128) -> Result<(), TooMuch> {
        self.issued = self.issued.checked_add(amount).ok_or(TooMuch)?;
        Ok(())
    }

    /// `amount` went from `holder`.
    pub(super) fn send(&mut self, holder: Holder, amount: i128) -> Result<(), TooMuch> {
        let worker = holder.worker(self.sent.len());
        self.sent[worker].push((holder, A::new(amount).ok_or(TooMuch)?));
        Ok(())
    }
}

/// How holdings were spread at the end of a day.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    pub(super) day: Day,
    pub(super) classes: Classes,
    pub(super) counts: Counts,
    /// All there was, whoever held it, base units.
    pub(super) supply: i128,
}

/// The share of the holders that one worker keeps.
#[derive(Debug)]
struct Worker<A> {
    ledger: Ledger<A>,
    bins: Bins,
    counts: Counts,
    /// What the holders hold together.
    held: i128,
}

/// What a worker knows at the end of a day.
struct Part {
    held: Vec<(u32, Bin)>,
    counts: Counts,
}

impl<A: Amount> Worker<A> {
    fn change(&mut self, edges: &Edges, holder: Holder, change: i128) -> Result<(), TooMuch> {
        let changed = self.ledger.apply(holder, change).ok_or(TooMuch)?;
        self.held = self.held - changed.before.max(0) + changed.after.clamp(0, MOST_HELD);
        if changed.after.max(self.held) > MOST_HELD {
            return Err(TooMuch);
        }
        self.bins.change(changed);
        self.counts.change(edges, changed);
        Ok(())
    }

    /// Goes along with what changed on a day.
    fn live(
        &mut self,
        edges: &Edges,
        received: &[(Holder, A)],
        sent: &[(Holder, A)],
    ) -> Result<Part, TooMuch> {
        // What came before what went: nobody is short of what they got on the same day.
        for changes in received.chunks(FETCHED) {
            self.ledger.fetch(changes);
            for (holder, amount) in changes {
                self.change(edges, *holder, amount.get())?;
            }
        }
        for changes in sent.chunks(FETCHED) {
            self.ledger.fetch(changes);
            for (holder, amount) in changes {
                self.change(edges, *holder, -amount.get())?;
            }
        }
        Ok(Part { held: self.bins.held(), counts: self.counts.clone() })
    }
}

/// The state between two days.
#[derive(Debug)]
pub(super) struct History<A> {
    edges: Edges,
    workers: Vec<Worker<A>>,
    supply: i128,
}

impl<A: Amount> History<A> {
    /// Before the first day, for an asset of so many decimals, on `workers` threads.
    pub(super) fn new(decimals: u32, workers: usize) -> History<A> {
        let edges = Edges::new(decimals);
        let counts = Counts::new(&edges);
        let worker = |_| Worker {
            ledger: Ledger::default(),
            bins: Bins::default(),
            counts: counts.clone(),
            held: 0,
        };
        History { workers: (0..workers).map(worker).collect(), edges, supply: 0 }
    }

    /// The number of threads.
    pub(super) fn workers(&self) -> usize {
        self.workers.len()
    }

    /// All there is, whoever holds it, base units.
    pub(super) fn supply(&self) -> i128 {
        self.supply
    }

    /// The edges between brackets.
    pub(super) fn edges(&self) -> &Edges {
        &self.edges
    }

    /// What each holder holds, in no order; less than nothing where flows are not known.
    pub(super) fn holdings(&self) -> impl Iterator<Item = (Holder, A)> + '_ {
        self.workers.iter().flat_map(|worker| worker.ledger.holdings())
    }

    /// How many there are in [`History::holdings`].
    pub(super) fn len(&self) -> usize {
        self.workers.iter().map(|worker| worker.ledger.len()).sum()
    }

    /// Adds what was held, and how much there was, when an earlier pass ended.
    pub(super) fn resume(
        &mut self,
        supply: i128,
        holdings: impl Iterator<Item = (Holder, A)>,
    ) -> Result<(), TooMuch> {
        self.supply = supply;
        let workers = self.workers.len();
        for (holder, amount) in holdings {
            self.workers[holder.worker(workers)].change(&self.edges, holder, amount.get())?;
        }
        Ok(())
    }

    /// Goes along with the changes of consecutive days, and says how things were at the end of each.
    pub(super) fn live(&mut self, days: &[Changes<A>]) -> Result<Vec<Spread>, TooMuch> {
        let edges = &self.edges;
        let parts: Vec<Result<Vec<Part>, TooMuch>> = thread::scope(|scope| {
            let work = |(number, worker): (usize, &mut Worker<A>)| -> Result<Vec<Part>, TooMuch> {
                let of_day =
                    |day: &Changes<A>| worker.live(edges, &day.received[number], &day.sent[number]);
                days.iter().map(of_day).collect()
            };
            let threads: Vec<_> = self
                .workers
                .iter_mut()
                .enumerate()
                .map(|worker| scope.spawn(move || work(worker)))
                .collect();
            let join = |thread: thread::ScopedJoinHandle<'_, _>| match thread.join() {
                Ok(parts) => parts,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            threads.into_iter().map(join).collect()
        });
        let parts = parts.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut spreads = Vec::with_capacity(days.len());
        for (number, day) in days.iter().enumerate() {
            self.supply = self.supply.checked_add(day.issued).ok_or(TooMuch)?;
            let held: i128 = parts.iter().map(|parts| parts[number].counts.all().amount).sum();
            if held.max(self.supply.saturating_abs()) > MOST_HELD {
                return Err(TooMuch);
            }
            let mut counts = Counts::new(&self.edges);
            parts.iter().for_each(|parts| counts.add(&parts[number].counts));
            spreads.push(Spread {
                day: day.day,
                classes: classes(parts.iter().map(|parts| parts[number].held.as_slice())),
                counts,
                supply: self.supply,
            });
        }
        Ok(spreads)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::amount::Wide;
    use super::*;
    use crate::distribution::Class;

    /// Days, each with who received and who sent how much; amounts are below the precision of the bins, so
    /// that what is measured is exact.
    fn days() -> impl Strategy<Value = Vec<Vec<(u8, i128, bool)>>> {
        vec(vec((0u8..30, 1i128..100, any::<bool>()), 0..40), 1..8)
    }

    fn changes<A: Amount>(days: &[Vec<(u8, i128, bool)>], workers: usize) -> Vec<Changes<A>> {
        let day = |(number, changes): (usize, &Vec<(u8, i128, bool)>)| {
            let day = Day { start: number as i64, last: number as u64 };
            let mut of_day = Changes::new(day, workers);
            for (address, amount, comes) in changes {
                let holder = Holder::of(&[*address]);
                if *comes {
                    of_day.receive(holder, *amount).expect("small");
                    of_day.issue(*amount).expect("small");
                } else {
                    of_day.send(holder, *amount).expect("small");
                    of_day.issue(-amount).expect("small");
                }
            }
            of_day
        };
        days.iter().enumerate().map(day).collect()
    }

    fn shown(spreads: &[Spread]) -> Vec<(Day, Classes, Counts, i128)> {
        let shown = |s: &Spread| (s.day, s.classes.clone(), s.counts.clone(), s.supply);
        spreads.iter().map(shown).collect()
    }

    proptest! {
        #[test]
        fn each_day_is_as_if_computed_from_the_start(days in days()) {
            let mut history = History::<i64>::new(2, 3);
            let spreads = history.live(&changes(&days, 3)).expect("small");
            let mut balances: BTreeMap<u8, i128> = BTreeMap::new();
            for (day, spread) in days.iter().zip(&spreads) {
                for (address, amount, comes) in day {
                    let signed = if *comes { *amount } else { -amount };
                    *balances.entry(*address).or_default() += signed;
                }
                let mut held: Vec<_> = balances.values().copied().filter(|b| *b > 0).collect();
                held.sort_unstable();
                let classes = held.chunk_by(|a, b| a == b).map(|same| Class {
                    holders: same.len() as u64,
                    amount: same.iter().sum::<i128>() as f64,
                });
                prop_assert_eq!(&spread.classes, &Classes::new(classes.collect()));
                prop_assert_eq!(spread.counts.all().holders, held.len() as u64);
                prop_assert_eq!(spread.counts.all().amount, held.iter().sum::<i128>());
                prop_assert_eq!(spread.supply, balances.values().sum::<i128>());
            }
        }

        #[test]
        fn neither_workers_nor_chunks_nor_pauses_change_anything(
            days in days(), workers in 1usize..5, cut in 0usize..8
        ) {
            let whole = History::<i64>::new(2, 1).live(&changes(&days, 1)).expect("small");
            let all = changes::<Wide>(&days, workers);
            let (before, after) = all.split_at(cut.min(days.len()));
            let mut first = History::<Wide>::new(2, workers);
            let mut spreads = first.live(before).expect("small");
            let mut second = History::<Wide>::new(2, workers);
            second.resume(first.supply(), first.holdings()).expect("small");
            prop_assert_eq!(second.len(), first.len());
            spreads.extend(second.live(after).expect("small"));
            prop_assert_eq!(shown(&spreads), shown(&whole));
        }
    }
}
