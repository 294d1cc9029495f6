//! Help, exit codes and configuration.

use std::io::Read;
use std::process::Stdio;

use crate::common::Place;

#[test]
fn every_command_has_help_with_examples() {
    let place = Place::empty();
    let commands: [&[&str]; 6] = [
        &["--help"],
        &["index", "bitcoin", "--help"],
        &["sql", "--help"],
        &["tables", "--help"],
        &["status", "--help"],
        &["verify", "--help"],
    ];
    for command in commands {
        let help = place.run(command).ok();
        assert!(help.contains("Examples:\n  assay "), "{command:?}: {help}");
        assert!(help.contains("--lake <DIR>"), "{command:?}: {help}");
    }
    assert!(place.run(&["--version"]).ok().starts_with("assay "));
}

#[test]
fn what_cannot_be_understood_is_refused_with_2() {
    let place = Place::empty();
    for args in [&["explode"][..], &["sql", "--frob"], &["status", "-q", "-v"], &[]] {
        let error = place.run(args).failed(2);
        assert!(error.contains("Usage: assay"), "{args:?}: {error}");
    }
    let error = place.run(&["--memory", "lots", "status"]).failed(2);
    assert!(error.contains("'lots' is not a size"), "{error}");
}

#[test]
fn a_missing_lake_is_an_error_with_a_hint() {
    let place = Place::empty();
    for args in [&["status"][..], &["verify"], &["sql", "select 1"]] {
        let error = place.run(args).failed(2);
        assert!(error.starts_with("assay: no lake in './lake'"), "{args:?}: {error}");
        assert!(error.contains("assay index"), "{args:?}: {error}");
    }
}

#[test]
fn index_needs_to_know_where_the_blocks_are() {
    let error = Place::empty().run(&["index", "bitcoin"]).failed(2);
    for way in ["--blocks-dir", "--node", "ASSAY_BLOCKS_DIR", "blocks_dir", "assay.toml"] {
        assert!(error.contains(way), "{error}");
    }
}

#[test]
fn only_nodes_are_followed() {
    for args in [
        &["index", "bitcoin", "--blocks-dir", ".", "--follow"][..],
        &["index", "ethereum", "--era-dir", ".", "--follow"],
    ] {
        let error = Place::empty().run(args).failed(2);
        assert!(error.contains("--follow needs a node"), "{error}");
    }
    let listening = ["index", "ethereum", "--rpc", "http://n", "--listen", "127.0.0.1:0"];
    assert!(Place::empty().run(&listening).failed(2).contains("--follow"));
}

#[test]
fn the_file_yields_to_the_environment_and_that_to_the_command_line() {
    let place = Place::empty();
    let lake = |command: &mut std::process::Command| {
        let output = command.output().expect("the program runs");
        let error = String::from_utf8(output.stderr).expect("text");
        let path = error.split('\'').nth(1).expect("a path in the error");
        path.rsplit('/').next().expect("a name").to_owned()
    };
    assert_eq!(lake(&mut place.command(&["status"])), "lake");
    place.write("assay.toml", "lake = 'from-file'");
    assert_eq!(lake(&mut place.command(&["status"])), "from-file");
    let with_env = |args: &[&str]| lake(place.command(args).env("ASSAY_LAKE", "from-env"));
    assert_eq!(with_env(&["status"]), "from-env");
    assert_eq!(with_env(&["status", "--lake", "typed"]), "typed");
    assert_eq!(with_env(&["--lake", "typed", "status"]), "typed");
    std::fs::create_dir(place.path("other")).expect("writable");
    place.write("other/a.toml", "lake = 'beside-file'");
    assert_eq!(lake(&mut place.command(&["status", "--config", "other/a.toml"])), "beside-file");
}

#[test]
fn a_mistake_in_the_configuration_names_file_and_key() {
    let place = Place::empty();
    place.write("assay.toml", "lake = 'x'\nmemroy = '1GiB'\n");
    let error = place.run(&["status"]).failed(2);
    assert!(error.contains("'assay.toml' line 2, key 'memroy'"), "{error}");
    assert!(error.contains("  because: unknown field `memroy`"), "{error}");
    let error = place.run(&["status", "--config", "gone.toml"]).failed(2);
    assert!(error.starts_with("assay: cannot read the configuration 'gone.toml'"), "{error}");
    assert!(error.contains("\n  because: No such file"), "{error}");
    place.write("assay.toml", "");
    let output = place.command(&["status"]).env("ASSAY_THREADS", "0").output().expect("runs");
    assert!(String::from_utf8_lossy(&output.stderr).contains("ASSAY_THREADS"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::with_lake();
    // More than any pipe holds, so the program must notice.
    let sql = "select a.value from generate_series(1, 300000) as a(value)";
    for format in ["csv", "json", "ndjson", "table", "parquet", "arrow-stream"] {
        let mut command = place.command(&["sql", "-f", format, "--max-rows", "0", sql]);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
        let mut first = [0];
        let mut out = child.stdout.take().expect("a pipe");
        out.read_exact(&mut first).expect("a byte");
        drop(out);
        let output = child.wait_with_output().expect("the program ends");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), &*error), (Some(0), ""), "{format}");
    }
}
