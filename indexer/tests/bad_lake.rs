//! Lakes that a run must not write to, and disks that have no room: the error says what, where and
//! what to do, and what is in the lake stays as it is.

#[path = "common/child.rs"]
mod child;
#[path = "common/lake.rs"]
mod lake;
#[path = "common/sim.rs"]
mod sim;

use std::path::{Path, PathBuf};

use assay_fixtures::bitcoin::{BlockSpec, ChainBuilder, DataDir, Layout};
use assay_indexer::sink::lake::LakeSink;
use assay_model::Network;
use assay_model::lake::{LAKE_FILE, LOCK_FILE, MANIFEST_FILE, SCHEMA_VERSION, SEGMENT_FILE};
use child::Death;
use lake::{Lake, Run, Tables, assert_same, assert_says, below, fresh_rows, wanted};
use tempfile::TempDir;

/// A folder of blocks, a lake that holds a part of it, and all its rows.
fn world() -> (TempDir, Lake, Tables) {
    let (dir, _) = sim::folder(&sim::chain(8, 60));
    let lake = Lake::new();
    lake.index(dir.path(), &Run { last: Some(40), ..Run::default() }).expect("a good folder");
    let rows = fresh_rows(dir.path());
    (dir, lake, rows)
}

/// That a run fails in `words` and leaves the lake as it was.
fn check_refused(lake: &Lake, blocks: &Path, run: &Run, words: &[&str]) {
    let before = files(lake.path());
    let error = lake.index(blocks, run).expect_err("refused");
    assert_says(&error, words);
    assert!(files(lake.path()) == before, "the lake was changed");
}

/// All files below `dir` with their content, but for the lock file.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if !path.ends_with(LOCK_FILE) {
                let content = std::fs::read(&path).expect("a readable file");
                found.push((path, content));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_lake_of_another_network() {
    let (_dir, lake, rows) = world();
    let other = tempfile::tempdir().expect("a folder");
    let chain = ChainBuilder::new(Network::Signet, 1);
    DataDir::write(other.path(), Network::Signet, Layout::default(), chain.blocks())
        .expect("written");
    let path = lake.chain_dir();
    let words =
        [path.to_str().expect("text"), "holds regtest", "are of signet", "a store of its own"];
    check_refused(&lake, other.path(), &Run::default(), &words);
    assert_same(&lake.rows(), &below(&rows, 41));
}

/// Replaces `from` by `to` in the lake's own file.
fn edit_info(lake: &Lake, from: &str, to: &str) {
    let path = lake.chain_dir().join(LAKE_FILE);
    let text = std::fs::read_to_string(&path).expect("a readable file");
    assert!(text.contains(from), "{text}");
    std::fs::write(&path, text.replace(from, to)).expect("written");
}

#[test]
fn a_lake_of_another_schema_version() {
    let (dir, lake, rows) = world();
    let version = format!("\"schema_version\": {SCHEMA_VERSION}");
    edit_info(&lake, &version, "\"schema_version\": 99");
    let words = ["has schema version 99", "writes version 3", "use the assay that made it"];
    check_refused(&lake, dir.path(), &Run::default(), &words);
    assert_same(&lake.rows(), &below(&rows, 41));
}

#[test]
fn a_lake_without_scripts_that_is_to_get_some() {
    let (dir, _) = sim::folder(&sim::chain(8, 20));
    let lake = Lake::new();
    let without = Run { with_scripts: false, ..Run::default() };
    lake.index(dir.path(), &Run { last: Some(10), ..without.clone() }).expect("a good folder");
    let words = ["was made without scripts", "index anew into another store"];
    check_refused(&lake, dir.path(), &Run::default(), &words);
    lake.index(dir.path(), &without).expect("the same as before");
    assert_eq!(lake.next_height(), 21);
}

#[test]
fn a_second_writer() {
    let (dir, lake, rows) = world();
    let first =
        LakeSink::open(lake.path(), &wanted(Network::Regtest, true)).expect("nobody has it");
    let words = [LOCK_FILE, "is locked", "another assay is writing", "wait for it or stop it"];
    check_refused(&lake, dir.path(), &Run::default(), &words);
    drop(first);
    lake.index(dir.path(), &Run::default()).expect("the first is gone");
    assert_same(&lake.rows(), &rows);
}

#[test]
fn json_files_that_cannot_be_understood() {
    let (dir, lake, rows) = world();
    for path in [lake.chain_dir().join(LAKE_FILE), lake.segments()[1].join(SEGMENT_FILE)] {
        let good = std::fs::read(&path).expect("a readable file");
        for bad in [&b"garbage"[..], b"", b"{}", &good[..good.len() / 2]] {
            std::fs::write(&path, bad).expect("written");
            let words = [path.to_str().expect("text"), "cannot be understood", "restore it"];
            check_refused(&lake, dir.path(), &Run::default(), &words);
        }
        std::fs::write(&path, good).expect("written");
    }
    lake.index(dir.path(), &Run::default()).expect("all is restored");
    assert_same(&lake.rows(), &rows);
}

#[test]
fn a_manifest_that_is_none() {
    let (dir, lake, rows) = world();
    let path = lake.chain_dir().join(MANIFEST_FILE);
    let good = std::fs::read_to_string(&path).expect("a manifest");
    let first = lake.manifest().0.segments[0].clone();
    let gap = good.replacen(&format!("\"{first}\","), "", 1);
    for bad in ["garbage", "", "{}", &good[..good.len() / 2], &gap] {
        std::fs::write(&path, bad).expect("written");
        let words = [path.to_str().expect("text"), "cannot be used", "restore it", "because"];
        check_refused(&lake, dir.path(), &Run::default(), &words);
    }
    std::fs::write(&path, good).expect("written");
    lake.index(dir.path(), &Run::default()).expect("all is restored");
    assert_same(&lake.rows(), &rows);
}

#[test]
fn a_segment_without_its_json_file() {
    let (dir, lake, _) = world();
    let segment = &lake.segments()[1];
    std::fs::remove_file(segment.join(SEGMENT_FILE)).expect("it was there");
    let words = [segment.to_str().expect("text"), "is missing", "put the folder back"];
    check_refused(&lake, dir.path(), &Run::default(), &words);
}

#[test]
fn a_lake_in_place_of_which_there_is_a_file() {
    let (dir, _) = sim::folder(&sim::chain(8, 3));
    let file = tempfile::NamedTempFile::new().expect("a file");
    let error = Lake::at(file.path()).index(dir.path(), &Run::default()).expect_err("no folder");
    assert_says(&error, &["cannot create", file.path().to_str().expect("text"), "because"]);
}

#[test]
fn a_disk_without_room() {
    let mut chain = sim::chain(8, 60);
    chain.mine(&BlockSpec::bytes(600_000));
    let (dir, _) = sim::folder(&chain);
    let lake = Lake::new();
    let output = child::index(dir.path(), &lake, false, Death::FullDisk(400));
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert_says(&text, &["error: cannot", ".parquet", "because", "File too large"]);
    let rows = fresh_rows(dir.path());
    let next = lake.next_height();
    assert!((20..=60).contains(&next), "{next} blocks had room");
    assert_same(&lake.rows(), &below(&rows, next));
    lake.index(dir.path(), &Run::default()).expect("there is room again");
    assert_same(&lake.rows(), &rows);
}

/// Not a test of its own: what [`child::index`] starts.
#[test]
fn child() {
    child::run();
}

#[test]
fn a_segment_that_was_taken_away_can_be_brought_back() {
    let (dir, lake, rows) = world();
    let missing = lake.segments()[0].clone();
    let elsewhere = lake.path().join("elsewhere");
    std::fs::rename(&missing, &elsewhere).expect("moved");
    let words = [missing.to_str().expect("text"), "is missing", "put the folder back"];
    check_refused(&lake, dir.path(), &Run::default(), &words);
    std::fs::rename(&elsewhere, &missing).expect("moved");
    lake.index(dir.path(), &Run::default()).expect("all is there");
    assert_same(&lake.rows(), &rows);
}
