//! A real chain, indexed by processes that are killed at random moments: what is there in the end is
//! what one undisturbed process leaves, byte for byte.

#[path = "common/child.rs"]
mod child;
#[path = "common/lake.rs"]
mod lake;

use std::path::Path;
use std::time::{Duration, Instant};

use assay_fixtures::bitcoin::golden;
use assay_fixtures::rng::Rng;
use assay_model::Network;
use child::Death;
use lake::{Lake, Run, assert_same, assert_same_files, below};

/// How many processes are killed.
const KILLS: usize = 200;

/// Not a test of its own: what [`child::index`] starts.
#[test]
fn child() {
    child::run();
}

/// A lake made by processes that are killed after random times up to `longest`; how many were.
fn lake_of_the_killed(
    blocks: &Path,
    straight: &Lake,
    longest: Duration,
    rng: &mut Rng,
) -> (Lake, usize) {
    let (lake, expected) = (Lake::new(), straight.rows());
    let mut kills = 0;
    loop {
        let time = Duration::from_micros(rng.below(longest.as_micros() as u64));
        let output = child::index(blocks, &lake, false, Death::After(time));
        assert_same(&lake.rows(), &below(&expected, lake.next_height()));
        match output.status.code() {
            Some(0) => return (lake, kills),
            None => kills += 1,
            Some(code) => panic!("{code}: {}", String::from_utf8_lossy(&output.stdout)),
        }
    }
}

#[test]
fn killed_at_two_hundred_random_moments_it_ends_as_if_undisturbed() {
    let blocks = golden::blocks_dir();
    let straight = Lake::new();
    let started = Instant::now();
    let output = child::index(&blocks, &straight, false, Death::None);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    // So that most are killed, and some get to the end.
    let longest = started.elapsed() * 3 / 2;
    let mut rng = Rng::new(7);
    let mut kills = 0;
    while kills < KILLS {
        let (lake, more) = lake_of_the_killed(&blocks, &straight, longest, &mut rng);
        kills += more;
        lake.compact(&Run::default(), Network::Regtest);
        assert_same_files(&lake, &straight);
    }
}
