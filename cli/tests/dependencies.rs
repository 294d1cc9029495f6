//! Holds the dependencies to `deny.toml`: licences, versions of which there is one, sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// The part of `deny.toml` that is checked here.
#[derive(Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
    exceptions: Vec<Exception>,
}

/// What one package may be under beside what all may be.
#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    package: String,
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Bans {
    deny_multiple_versions: BTreeSet<String>,
}

/// The part of `cargo metadata` that is needed.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rules() -> Rules {
    let text = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there");
    toml::from_str(&text).expect("deny.toml has its parts")
}

/// What a command prints; it must succeed.
fn output(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).expect("text")
}

/// The packages that a build for this machine consists of.
fn packages() -> Vec<Package> {
    let rustc = output(Command::new("rustc").arg("-vV"));
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    let metadata = output(
        Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", host])
            .current_dir(root()),
    );
    serde_json::from_str::<Metadata>(&metadata).expect("metadata").packages
}

/// Whether one may choose only licences of `allow` from `expression`: `AND` binds more tightly
/// than `OR`, a slash is an old way to write `OR`, and brackets stand around whole operands.
fn is_allowed(expression: &str, allow: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ");
    if let Some((left, right)) = split_outside_brackets(&expression, " OR ") {
        return is_allowed(left, allow) || is_allowed(right, allow);
    }
    if let Some((left, right)) = split_outside_brackets(&expression, " AND ") {
        return is_allowed(left, allow) && is_allowed(right, allow);
    }
    match expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => is_allowed(inner, allow),
        None => allow.contains(expression.trim()),
    }
}

fn split_outside_brackets<'a>(text: &'a str, operator: &str) -> Option<(&'a str, &'a str)> {
    text.match_indices(operator).map(|(at, _)| at).find_map(|at| {
        let (left, right) = (&text[..at], &text[at + operator.len()..]);
        (left.matches('(').count() == left.matches(')').count()).then_some((left, right))
    })
}

#[test]
fn expressions_are_understood() {
    let allow = ["MIT", "Zlib"].map(String::from).into();
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("MIT/Apache-2.0", true),
        ("MIT AND GPL-3.0", false),
        ("(GPL-3.0 OR MIT) AND Zlib", true),
        ("(GPL-3.0 OR MIT) AND GPL-3.0", false),
        ("GPL-3.0 OR (MIT AND Zlib)", true),
    ] {
        assert_eq!(is_allowed(expression, &allow), expected, "{expression}");
    }
}

#[test]
fn every_dependency_has_an_allowed_licence() {
    let Licenses { allow, exceptions } = rules().licenses;
    // What is linked: the lock file also lists what features that are off would bring.
    let tree = output(
        Command::new(env!("CARGO"))
            .args(["tree", "--workspace", "--locked", "--prefix", "none", "--format", "{l}|{p}"])
            .current_dir(root()),
    );
    let packages: BTreeSet<_> = tree.lines().filter_map(|line| line.split_once('|')).collect();
    assert!(packages.len() > 100, "{tree}");
    for (license, package) in packages {
        let name = package.split(' ').next().unwrap_or_default();
        let excepted = exceptions.iter().filter(|exception| exception.package == name);
        let mut allow = allow.clone();
        allow.extend(excepted.flat_map(|exception| exception.allow.iter().cloned()));
        assert!(is_allowed(license, &allow), "{package} is under '{license}'");
    }
}

#[test]
fn every_dependency_comes_from_the_registry() {
    for Package { name, source, .. } in packages() {
        let is_ours = source.is_none() && (name == "assay" || name.starts_with("assay-"));
        let from_registry = source.as_deref().is_some_and(|source| source.starts_with("registry+"));
        assert!(is_ours || from_registry, "{name} comes from {source:?}");
    }
}

#[test]
fn of_what_types_are_shared_there_is_one_version() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for Package { name, version, .. } in packages() {
        versions.entry(name).or_default().insert(version);
    }
    for name in rules().bans.deny_multiple_versions {
        assert_eq!(versions.get(&name).map(BTreeSet::len), Some(1), "{name}: {versions:?}");
    }
}
