//! `assay serve`, `assay user`, `assay audit`.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use crate::common::Place;

const PASSWORD: &str = "correct horse\n";

#[test]
fn users_come_and_go() {
    let place = Place::empty();
    let users = |words: &[&str], input: &str| {
        let mut args = vec!["user", "--users", "users.toml"];
        args.extend(words);
        place.pipe(&args, input)
    };
    assert_eq!(
        users(&["add", "alice", "--role", "analyst"], PASSWORD).ok(),
        "alice may ask as analyst\n"
    );
    users(&["passwd", "alice"], "battery staple\n").ok();
    let list = users(&["list"], "").ok();
    assert!(list.contains("alice") && list.contains("analyst"), "{list}");
    let error = users(&["add", "alice", "--role", "operator"], PASSWORD).failed(2);
    assert!(error.contains("a user 'alice' already"), "{error}");
    let error = users(&["add", "bob", "--role", "analyst"], "short\n").failed(2);
    assert!(error.contains("at least 10 letters"), "{error}");
    let error = users(&["add", "bob", "--role", "king"], PASSWORD).failed(2);
    assert!(error.contains("regulator, analyst, compliance, operator"), "{error}");
    users(&["remove", "alice"], "").ok();
    let error = place.run(&["user", "list"]).failed(2);
    assert!(error.contains("--users FILE"), "{error}");
}

#[test]
fn a_server_says_where_it_listens_and_ends_when_told() {
    let place = Place::with_lake();
    let mut child = place
        .command(&["serve", "--pg", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut said = String::new();
    while !said.contains("Ctrl-C") {
        assert!(out.read_line(&mut said).expect("readable") > 0, "it has ended: {said}");
    }
    assert!(said.contains("psql \"host=127.0.0.1 port="), "{said}");
    assert!(said.contains("everybody who connects is analyst"), "{said}");
    // A second one finds the log in use.
    let error = place.run(&["serve", "--pg", "127.0.0.1:0"]).failed(2);
    assert!(error.contains("another server writes it"), "{error}");
    let told = Command::new("kill").arg(child.id().to_string()).status();
    assert!(told.expect("kill runs").success());
    let mut rest = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut rest).expect("readable");
    assert!(child.wait().expect("it ends").success(), "{rest}");
    let verified = place.run(&["audit", "verify"]).ok();
    assert!(verified.starts_with("0 lines"), "{verified}");
}

#[test]
fn other_machines_are_answered_safely_or_not_at_all() {
    let place = Place::with_lake();
    let error = place.run(&["serve", "--pg", "0.0.0.0:0"]).failed(2);
    assert!(error.contains("neither users nor TLS") && error.contains("--insecure"), "{error}");
    let error = place.run(&["serve", "--tls-cert", "x.pem"]).failed(2);
    assert!(error.contains("--tls-key"), "{error}");
    let error = place.run(&["serve", "--tls-cert", "x.pem", "--tls-key", "y.pem"]).failed(2);
    assert!(error.contains("cannot read a certificate from 'x.pem'"), "{error}");
    let error = place.run(&["serve", "--pg", "127.0.0.1:0", "--users", "no.toml"]).failed(2);
    assert!(error.contains("no.toml"), "{error}");
}

#[test]
fn a_log_that_was_changed_is_a_difference() {
    let place = Place::empty();
    place.run(&["audit", "verify"]).failed(2);
    fs::write(place.path("log"), "{}\n").expect("writable");
    let ran = place.run(&["audit", "verify", "--audit", "log"]);
    ran.failed(1);
}
