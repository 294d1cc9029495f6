//! Following a chain's tip, simulated: thousands of histories in which everything goes wrong that can.
//!
//! A history is a seed. What is random in it comes from the seed alone, so each can be run again:
//!
//! ```text
//! ASSAY_SIMULATION_SEED=4711 ASSAY_SIMULATION_HISTORIES=1 cargo test -p assay-indexer --test simulation histories
//! ```

#[path = "common/block.rs"]
mod block;
#[path = "common/lake.rs"]
mod lake;
#[path = "common/mined.rs"]
mod mined;

/// The parts of the simulation.
mod simulation {
    pub mod disk;
    pub mod files;
    mod found;
    pub mod gate;
    pub mod history;
    pub mod reader;
    pub mod sink;
    pub mod source;
    pub mod turns;
}

use std::any::Any;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use simulation::disk::Sabotage;
use simulation::history::{self, Figures};
use tokio::runtime::Builder;

/// Histories that are run if no other number is given: two minutes on two cores.
const USUAL_HISTORIES: u64 = 10_000;
/// Histories of which one at least shows a rule that is broken.
const ENOUGH_HISTORIES: u64 = 400;

/// A history that went wrong.
#[derive(Debug)]
struct Failure {
    seed: u64,
    fault: String,
}

/// The value of the variable `name` of the environment.
fn setting<T: FromStr>(name: &str, usual: T) -> T {
    match env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is no number: '{text}'")),
        Err(_) => usual,
    }
}

/// Runs the histories of `count` seeds from `first` on, on all cores; ends soon after the first that
/// goes wrong.
fn simulate(first: u64, count: u64, sabotage: Sabotage) -> Result<Figures, Failure> {
    let next = AtomicU64::new(first);
    let end = first + count;
    let all = Mutex::new(Ok(Figures::default()));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // A history goes on in one of its threads while another waits for it: two for each core.
    let threads = cores * 2;
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let result = one(seed, sabotage);
                    let mut all = all.lock().expect("no history panics with the lock");
                    match (&mut *all, result) {
                        (Ok(all), Ok(figures)) => all.add(figures),
                        (all, Err(failure)) => {
                            next.store(end, Ordering::Relaxed);
                            if all.is_ok() {
                                *all = Err(failure);
                            }
                        }
                        (Err(_), Ok(_)) => {}
                    }
                }
            });
        }
    });
    all.into_inner().expect("no history panics with the lock")
}

/// The history of `seed`; a panic in it is a fault like others.
fn one(seed: u64, sabotage: Sabotage) -> Result<Figures, Failure> {
    let workers = Builder::new_current_thread().build().expect("a runtime");
    let run = || history::run(seed, sabotage, workers.handle());
    let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(words(&*panic)));
    // After a panic some of them may wait for ever.
    workers.shutdown_background();
    result.map_err(|fault| Failure { seed, fault })
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panic: {}", text.unwrap_or("without words"))
}

#[test]
fn histories_end_as_one_clean_run() {
    let first = setting("ASSAY_SIMULATION_SEED", 1);
    let count = setting("ASSAY_SIMULATION_HISTORIES", USUAL_HISTORIES);
    let start = Instant::now();
    match simulate(first, count, Sabotage::Nothing) {
        Ok(figures) => println!("{count} histories in {:.1?}: {figures:?}", start.elapsed()),
        Err(Failure { seed, fault }) => panic!(
            "seed {seed}: {fault}\nto see it again: ASSAY_SIMULATION_SEED={seed} \
             ASSAY_SIMULATION_HISTORIES=1 cargo test -p assay-indexer --test simulation histories"
        ),
    }
}

#[test]
fn what_breaks_a_rule_is_found() {
    for sabotage in
        [Sabotage::ForgetNames, Sabotage::ForgetData, Sabotage::HurryClock, Sabotage::SkipMerging]
    {
        let found = simulate(1, ENOUGH_HISTORIES, sabotage);
        assert!(found.is_err(), "{sabotage:?} went unnoticed: {found:?}");
    }
}
