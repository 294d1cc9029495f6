//! The SQL that arrives at the server.

use std::fs;
use std::path::{Path, PathBuf};

use assay_query::{Session, SessionOptions, Store};

use crate::database::Database;
use crate::made;
use crate::recorder::Recorder;
use crate::support::ok;

/// A record is a statement and what is sent for it, a line each; `$db` stands for the database. With
/// `ASSAY_SLT_COMPLETE=1` what is sent is written into the file instead of compared.
#[tokio::test]
async fn what_can_be_is_carried_out_there() {
    let dir = tempfile::tempdir().expect("a folder");
    made::write(dir.path());
    let Some(database) = Database::of_lake(dir.path()).await else { return };
    let recorder = Recorder::before(&database).await;
    let store = Store::ClickHouse {
        address: recorder.address.clone(),
        password: None,
        results: PathBuf::from("results"),
    };
    let options = SessionOptions { store, ..SessionOptions::default() };
    let session = Session::open(options).await.expect("a session");
    let database = database.address.database();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clickhouse/sent.txt");
    let (mut completed, mut differences) = (Vec::new(), Vec::new());
    for record in fs::read_to_string(&path).expect("a file of records").trim_end().split("\n\n") {
        let sql = record.lines().next().expect("a statement");
        recorder.take();
        ok(&session, sql).await;
        let sent = recorder.take();
        // What EXPLAIN shows is what is sent.
        let plan = ok(&session, &format!("explain {sql}")).await.join("\n");
        for text in &sent {
            assert!(plan.contains(text.as_str()), "{text}\nis not in\n{plan}");
        }
        let actual = format!("{sql}\n{}", sent.join("\n").replace(database, "$db"));
        if actual != record {
            differences.push(format!("{record}\n  is now\n{actual}"));
        }
        completed.push(actual);
    }
    if std::env::var_os("ASSAY_SLT_COMPLETE").is_some() {
        fs::write(path, completed.join("\n\n") + "\n").expect("a file of records");
    } else {
        assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    }
}
