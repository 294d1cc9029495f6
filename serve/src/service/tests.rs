//! Who is let in, and how statements end.

use std::net::SocketAddr;
use std::path::Path;

use assay_query::Store;
use futures::TryStreamExt;

use super::*;
use crate::{audit, users};

/// Rows enough that nobody has taken them all at once.
const MANY: &str = "select a.value from generate_series(1, 100000) a, generate_series(1, 1000) b";

fn client() -> Client {
    let peer = SocketAddr::from(([127, 0, 0, 1], 4_000));
    Client { protocol: Protocol::Postgres, peer, application: None }
}

fn options(dir: &Path) -> ServiceOptions {
    assay_fixtures::lake::write(&dir.join("lake"));
    let session =
        SessionOptions { store: Store::Lake(dir.join("lake")), ..SessionOptions::default() };
    ServiceOptions::new(session, dir.join("audit.jsonl"))
}

async fn ask(service: &Arc<Service>, caller: &Caller, sql: &str) -> Result<u64, ServeError> {
    let statement = service.session().statements(sql)?.pop().expect("one statement");
    let answer = service.run(caller, Ask::query(statement, sql)).await?;
    let batches: Vec<_> = answer.try_collect().await?;
    Ok(batches.iter().map(|batch| batch.num_rows() as u64).sum())
}

/// Outcomes and rows, in the order of the log.
fn log(dir: &Path) -> Vec<(Outcome, u64)> {
    let path = dir.join("audit.jsonl");
    audit::verify(&path).expect("lines that follow each other");
    let text = std::fs::read_to_string(&path).expect("a log");
    let entry = |line: &str| serde_json::from_str::<Entry>(line).expect("an entry");
    text.lines().map(entry).map(|entry| (entry.outcome, entry.rows)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_end_is_written_down_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut options = options(dir.path());
    let limits = Limits { rows: 5_000, ..Role::Analyst.limits() };
    options.limits.insert(Role::Analyst, limits);
    let service = Service::open(options).await.expect("a service");
    let caller = service.login("me", "", client()).await.expect("anybody");
    assert_eq!(caller.role(), Role::Analyst);

    assert_eq!(ask(&service, &caller, "select 1").await.expect("a row"), 1);
    ask(&service, &caller, "select 1 / (value - 1) from generate_series(1, 1)")
        .await
        .expect_err("a division by zero");
    let error = ask(&service, &caller, MANY).await.expect_err("too many rows");
    assert_eq!(error.sqlstate(), "54000");
    let error = ask(&service, &caller, "select * from system.audit").await.expect_err("refused");
    assert_eq!(error.sqlstate(), "42501");

    let statement = service.session().statements(MANY).expect("SQL").remove(0);
    let mut slow = Ask::query(statement.clone(), MANY);
    slow.timeout = Some(Duration::from_millis(50));
    let answer = service.run(&caller, slow).await.expect("columns");
    // Nobody reads, and yet it ends.
    while service.running() > 0 {
        tokio::task::yield_now().await;
    }
    let error = answer.try_collect::<Vec<_>>().await.expect_err("its time is over");
    assert!(matches!(error, ServeError::TimedOut { .. }), "{error}");

    let dropped = service.run(&caller, Ask::query(statement, MANY)).await.expect("columns");
    drop(dropped);
    service.finish().await;
    let error = ask(&service, &caller, "select 1").await.expect_err("the end");
    assert!(matches!(error, ServeError::ShuttingDown), "{error}");
    let outcomes: Vec<_> = log(dir.path()).into_iter().collect();
    assert_eq!(
        outcomes,
        [
            (Outcome::Done, 1),
            (Outcome::Failed, 0),
            (Outcome::Failed, 5_000),
            (Outcome::Refused, 0),
            (Outcome::TimedOut, 0),
            (Outcome::Cancelled, 0),
            (Outcome::Cancelled, 0),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_may_what_they_may() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut options = options(dir.path());
    let path = dir.path().join("users.toml");
    for role in Role::ALL {
        users::add(&path, role.name(), role, "correct horse").expect("added");
    }
    options.users = Some(path.clone());
    let service = Service::open(options).await.expect("a service");
    service.login("analyst", "wrong horse", client()).await.expect_err("a wrong password");
    service.login("nobody", "correct horse", client()).await.expect_err("nobody");

    let export = |caller: Caller| {
        let service = Arc::clone(&service);
        async move {
            let statement = service.session().statements("select 1")?.remove(0);
            let mut ask = Ask::query(statement, "select 1");
            ask.purpose = Purpose::Export { format: "csv".to_owned() };
            service.run(&caller, ask).await?.try_collect::<Vec<_>>().await
        }
    };
    for role in Role::ALL {
        let caller = service.login(role.name(), "correct horse", client()).await.expect("let in");
        let reads = |sql| ask(&service, &caller, sql);
        reads("select * from bitcoin.balances").await.expect("a view");
        let rows = reads("select * from bitcoin.outputs").await;
        assert_eq!(rows.is_ok(), role != Role::Regulator, "{role}: {rows:?}");
        let audit = reads("select \"user\", statement, parameters from system.audit").await;
        assert_eq!(audit.is_ok(), role == Role::Operator, "{role}: {audit:?}");
        let exported = export(caller.clone()).await;
        assert_eq!(exported.is_ok(), role >= Role::Compliance, "{role}: {exported:?}");
    }
    let caller = service.login("analyst", "correct horse", client()).await.expect("let in");
    users::remove(&path, "analyst").expect("removed");
    let error = ask(&service, &caller, "select 1").await.expect_err("not a user any more");
    assert_eq!(error.sqlstate(), "42501");
    let refused = log(dir.path()).into_iter().filter(|(outcome, _)| *outcome == Outcome::Refused);
    // Two logins, one table, three looks at the log, two exports, one who was removed.
    assert_eq!(refused.count(), 2 + 1 + 3 + 2 + 1);
}
