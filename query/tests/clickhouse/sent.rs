//! The SQL that arrives at the server.

use assay_query::{Session, SessionOptions, Store};

use crate::database::Database;
use crate::recorder::Recorder;
use crate::support::{lake, ok};

/// What is sent for `sql`, with names and database left out of what is compared.
async fn sent(session: &Session, recorder: &Recorder, sql: &str) -> Vec<String> {
    recorder.take();
    ok(session, sql).await;
    recorder.take()
}

#[tokio::test]
async fn what_can_be_is_carried_out_there() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let Some(database) = Database::of_lake(dir.path()).await else { return };
    let recorder = Recorder::before(&database).await;
    let store = Store::ClickHouse { address: recorder.address.clone(), password: None };
    let options = SessionOptions { store, ..SessionOptions::default() };
    let session = Session::open(options).await.expect("a session");
    let database = database.address.database().to_owned();
    for record in include_str!("sent.txt").split("\n\n") {
        let mut lines = record.trim().lines();
        let sql = lines.next().expect("a statement");
        let expected: Vec<_> = lines.map(|line| line.replace("$db", &database)).collect();
        let actual = sent(&session, &recorder, sql).await;
        if std::env::var_os("ASSAY_SHOW").is_some() {
            println!("{sql}\n{}\n", actual.join("\n").replace(&database, "$db"));
            continue;
        }
        assert_eq!(actual, expected, "{sql}");
        // What EXPLAIN shows is what is sent.
        let plan = ok(&session, &format!("explain {sql}")).await.join("\n");
        for text in &actual {
            assert!(plan.contains(text.as_str()), "{text}\nis not in\n{plan}");
        }
    }
}
