//! `assay demo`.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::Place;

/// How long a program may take to begin or to end.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_demo_that_is_kept_can_be_asked_more() {
    let place = Place::empty();
    let demo = ["demo", "-q", "--scale", "tiny", "--keep", "kept"];
    let shown = place.run(&demo).ok();
    for part in ["How unequal", "below 0.01 BTC", "CoinJoins", "equal_outputs", "erc20", "kept"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let count = "select (select count(*) from bitcoin.blocks) as bitcoin, \
                 (select count(*) from ethereum.blocks) as ethereum";
    let rows = place.run(&["sql", "--lake", "kept/lake", "-f", "csv", count]).ok();
    assert_eq!(rows.lines().nth(1), Some("161,161"));
    // What is there is not made again, and says the same.
    assert_eq!(place.run(&demo).ok(), shown);
    assert_eq!(place.run(&["verify", "-q", "--lake", "kept/lake"]).code, Some(0));
}

#[test]
fn sources_of_ones_own_are_none_of_a_demo() {
    let place = Place::empty();
    place.write(
        "assay.toml",
        "lake = 'mine'\n[bitcoin]\nnode = 'http://127.0.0.1:1'\n[ethereum]\nrpc = 'http://127.0.0.1:1'\n",
    );
    place.run(&["demo", "-q", "--scale", "tiny", "--keep", "kept"]).ok();
    assert_eq!(place.names(), ["assay.toml", "kept"]);
}

#[cfg(unix)]
#[test]
fn a_demo_that_is_not_kept_leaves_nothing() {
    let place = Place::empty();
    std::fs::create_dir(place.path("tmp")).expect("writable");
    let is_empty = || std::fs::read_dir(place.path("tmp")).expect("a folder").next().is_none();
    let command = |args: &[&str]| {
        let mut command = place.command(args);
        command.env("TMPDIR", place.path("tmp"));
        command
    };
    let done = command(&["demo", "--scale", "tiny"]).output().expect("it starts");
    assert!(done.status.success() && is_empty(), "{done:?}");

    let mut child =
        command(&["demo", "--scale", "large"]).stderr(Stdio::piped()).spawn().expect("it starts");
    let started = Instant::now();
    while is_empty() {
        assert!(started.elapsed() < PATIENCE, "it begins");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill runs").success());
    while child.try_wait().expect("it can be asked").is_none() {
        assert!(started.elapsed() < PATIENCE, "it ends");
        std::thread::sleep(Duration::from_millis(20));
    }
    let ended = child.wait_with_output().expect("it ended");
    assert_eq!(ended.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("interrupted"), "{ended:?}");
    assert!(is_empty());
}
