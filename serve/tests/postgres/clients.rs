//! Real clients: `psql` and Python.

use std::path::Path;
use std::process::{Command, Output};

use assay_fixtures::python;
use assay_serve::{Role, Tls, users};

use crate::support::Served;

/// Runs `psql`; `None` if there is none.
async fn psql(served: &Served, more: &str, commands: &[&str]) -> Option<Output> {
    let address = served.address();
    let place = format!("host={} port={} dbname=assay {more}", address.ip(), address.port());
    let mut command = Command::new("psql");
    command.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &place]);
    command.env("PGCONNECT_TIMEOUT", "10").env("PGPASSWORD", "correct horse");
    for line in commands {
        command.args(["-c", line]);
    }
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("run");
    match output {
        Ok(output) => Some(output),
        Err(_) => {
            python::skipped("there is no psql (Debian: postgresql-client)");
            None
        }
    }
}

fn text(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_shows_everything() {
    let served = Served::plain().await;
    let commands = [
        "\\dn",
        "\\dn+",
        "\\d",
        "\\d+",
        "\\dt",
        "\\dt+",
        "\\dt bitcoin.*",
        "\\dv",
        "\\dv *.*",
        "\\d bitcoin.blocks",
        "\\d+ bitcoin.blocks",
        "\\d+ bitcoin.balances",
        "\\df",
        "\\df+ gini",
        "\\du",
        "\\l",
        "\\di",
        "\\ds",
        "\\dx",
        "\\dT",
        "\\dp",
        "\\conninfo",
    ];
    for command in commands {
        let Some(output) = psql(&served, "user=me", &[command]).await else { return };
        let shown = text(&output);
        match command {
            "\\d bitcoin.blocks" => assert!(shown.contains("height|bigint||not null"), "{shown}"),
            "\\d+ bitcoin.blocks" => {
                let mut tables = assay_query::described_tables().iter();
                let blocks = tables.find(|t| t.full_name() == "bitcoin.blocks").expect("described");
                assert!(shown.contains(blocks.columns[0].doc), "{shown}");
            }
            "\\dt" => assert!(shown.contains("bitcoin|outputs|table"), "{shown}"),
            "\\dv" => assert!(shown.contains("bitcoin|balances|view"), "{shown}"),
            "\\df" => assert!(shown.contains("public|gini"), "{shown}"),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_asks_copies_and_is_told_errors() {
    let served = Served::plain().await;
    let file = served.dir.path().join("blocks.csv");
    let copy =
        format!("\\copy (select height from bitcoin.blocks) to '{}' csv header", file.display());
    let Some(output) = psql(&served, "user=me", &["select 1", &copy, "\\timing"]).await else {
        return;
    };
    assert!(text(&output).contains("COPY 8"));
    let copied = std::fs::read_to_string(&file).expect("a file");
    assert_eq!(copied.lines().count(), 9);
    let output = psql(&served, "user=me", &["select 1,\n )"]).await.expect("psql is there");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("syntax error") && errors.contains("LINE 2"), "{errors}");
    let cursor = [
        "begin",
        "declare c cursor for select height from bitcoin.blocks order by 1",
        "fetch 2 from c",
        "commit",
    ];
    let output = psql(&served, "user=me", &cursor).await.expect("psql is there");
    assert_eq!(text(&output), "BEGIN\nDECLARE CURSOR\n0\n1\nCOMMIT\n");
}

/// Makes a certificate for 127.0.0.1; `false` if the system cannot.
fn certificate(dir: &Path) -> bool {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj"])
        .args(["/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout"])
        .arg(dir.join("key.pem"))
        .arg("-out")
        .arg(dir.join("cert.pem"))
        .output();
    made.is_ok_and(|output| output.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_comes_encrypted_with_a_password() {
    let dir = tempfile::tempdir().expect("a folder");
    if !certificate(dir.path()) {
        return python::skipped("there is no openssl to make a certificate with");
    }
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let tls = Tls::load(&cert, &key).expect("a certificate and its key");
    let served = Served::start(|options, dir| {
        let path = dir.join("users.toml");
        users::add(&path, "alice", Role::Analyst, "correct horse").expect("added");
        options.service.users = Some(path);
        options.tls = Some(tls);
    })
    .await;
    let verified = format!("user=alice sslmode=verify-full sslrootcert={}", cert.display());
    let bound = format!("{verified} channel_binding=require");
    for how in [&verified, &bound] {
        let Some(output) = psql(&served, how, &["select current_user"]).await else { return };
        assert_eq!(text(&output), "alice\n");
    }
    let output = psql(&served, "user=mallory sslmode=require", &["select 1"]).await;
    let errors = String::from_utf8_lossy(&output.expect("psql is there").stderr).into_owned();
    assert!(errors.contains("wrong name or password"), "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn python_asks_through_psycopg_and_sqlalchemy() {
    let why = "there is no Python with psycopg and sqlalchemy (see .ci/run)";
    let found = python::with("ASSAY_TEST_PYTHON", "import psycopg, sqlalchemy", why);
    let Some(path) = found else { return };
    let served = Served::plain().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres/clients.py");
    let port = served.address().port().to_string();
    let mut command = Command::new(path);
    command.arg(script).arg(port);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("run");
    assert_eq!(text(&output.expect("Python runs")), "all is well\n");
}
