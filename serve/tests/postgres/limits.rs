//! Time, memory, rows, cancelling, hanging up: what runs ends, and is written down.

use std::time::{Duration, Instant};

use assay_serve::audit::Outcome;
use assay_serve::{Limits, Role};
use futures::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio_postgres::NoTls;

use crate::support::{ENDLESS, Served, code, texts};

/// A statement that gives no rows for long.
const SILENT: &str = "select count(distinct a.value + b.value) \
                      from generate_series(1, 1000000) a, generate_series(1, 1000000) b";

#[tokio::test(flavor = "multi_thread")]
async fn a_client_can_cancel() {
    let served = Served::plain().await;
    for sql in [ENDLESS, SILENT] {
        let client = served.client().await;
        let token = client.cancel_token();
        let asked = tokio::spawn(async move {
            let error = texts(&client, sql).await.expect_err("cancelled");
            (code(&error), texts(&client, "select 1").await.expect("goes on"))
        });
        while served.server.service().running() == 0 {
            tokio::task::yield_now().await;
        }
        // A request with another key does nothing; tokio-postgres has no way to send one.
        token.cancel_query(NoTls).await.expect("asked");
        let (code, rows) = asked.await.expect("answered");
        assert_eq!((code.as_str(), rows), ("57014", vec!["1".to_owned()]));
        assert_eq!(served.entry(sql).await.outcome, Outcome::Cancelled);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_has_its_time() {
    let served = Served::start(|options, _| {
        let limits = Limits { timeout: Duration::from_millis(500), ..Role::Operator.limits() };
        options.service.limits.insert(Role::Operator, limits);
    })
    .await;
    let client = served.client().await;
    let error = texts(&client, SILENT).await.expect_err("it takes too long");
    assert_eq!(code(&error), "57014");
    assert_eq!(served.entry(SILENT).await.outcome, Outcome::TimedOut);
    // A client may want less, and cannot have more.
    client.batch_execute("set statement_timeout = '1h'").await.expect("set");
    assert_eq!(code(&texts(&client, ENDLESS).await.expect_err("too long")), "57014");
    client.batch_execute("set statement_timeout = 20").await.expect("set");
    let error = texts(&client, SILENT).await.expect_err("too long");
    assert!(error.as_db_error().expect("told").message().contains("0.02 s"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_has_its_rows_and_its_memory() {
    let served = Served::start(|options, _| {
        let limits = Limits { rows: 10, memory_bytes: 8 << 20, ..Role::Operator.limits() };
        options.service.limits.insert(Role::Operator, limits);
    })
    .await;
    let client = served.client().await;
    let rows = "select value from generate_series(1, 11)";
    assert_eq!(code(&texts(&client, rows).await.expect_err("too many")), "54000");
    assert_eq!(served.entry(rows).await.rows, 10);
    // A hundred times the memory, for something that cannot be spilled.
    let memory =
        "select length(string_agg(repeat('x', 1000), '')) from generate_series(1, 1000000)";
    assert_eq!(code(&texts(&client, memory).await.expect_err("too much")), "53200");
    let join = "select count(*) from generate_series(1, 20000000) a \
                join generate_series(1, 20000000) b on a.value = b.value \
                join generate_series(1, 20000000) c on c.value = b.value";
    match texts(&client, join).await {
        Ok(rows) => assert_eq!(rows, ["20000000"]),
        Err(error) => assert_eq!(code(&error), "53200"),
    }
    assert_eq!(texts(&client, "select 1").await.expect("goes on"), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_stops_what_runs() {
    let served = Served::plain().await;
    for sql in [ENDLESS, SILENT] {
        let (client, connection) = served.config("me").connect(NoTls).await.expect("let in");
        let connection = tokio::spawn(connection);
        let asked = tokio::spawn(async move { client.simple_query(sql).await.map(drop) });
        while served.server.service().running() == 0 {
            tokio::task::yield_now().await;
        }
        connection.abort();
        asked.abort();
        assert_eq!(served.entry(sql).await.outcome, Outcome::Cancelled);
        served.idle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_holds_nothing_beyond_its_time() {
    let served = Served::start(|options, _| {
        let limits = Limits { timeout: Duration::from_secs(3), ..Role::Operator.limits() };
        options.service.limits.insert(Role::Operator, limits);
    })
    .await;
    let client = served.client().await;
    let stream = client.query_raw(ENDLESS, Vec::<i64>::new()).await.expect("columns");
    tokio::pin!(stream);
    stream.next().await.expect("a row").expect("a value");
    // Nothing more is read, and yet it ends.
    assert_eq!(served.entry(ENDLESS).await.outcome, Outcome::TimedOut);
    served.idle().await;
    let error = loop {
        match stream.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("it had no end"),
        }
    };
    assert_eq!(code(&error), "57014");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_clients_are_answered_and_more_are_told() {
    let served = Served::start(|options, _| options.connections = 500).await;
    let clients = (0..500).map(|_| served.client());
    let clients = futures::future::join_all(clients).await;
    let asked = clients.iter().map(|client| texts(client, "select count(*) from bitcoin.blocks"));
    for rows in futures::future::join_all(asked).await {
        assert_eq!(rows.expect("an answer"), ["8"]);
    }
    let error = crate::support::connect(&served.config("me")).await.expect_err("no place");
    assert_eq!(code(&error), "53300");
    drop(clients);
    let since = Instant::now();
    while crate::support::connect(&served.config("me")).await.is_err() {
        assert!(since.elapsed() < Duration::from_secs(30), "no place becomes free");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_ends_what_runs_and_writes_it_down() {
    let served = Served::plain().await;
    let client = served.client().await;
    let mut silent = tokio::net::TcpStream::connect(served.address()).await.expect("connected");
    silent.write_all(b"\0").await.expect("written");
    let asked = tokio::spawn(async move { texts(&client, SILENT).await });
    while served.server.service().running() == 0 {
        tokio::task::yield_now().await;
    }
    let Served { dir, server } = served;
    drop(silent);
    let since = Instant::now();
    server.stop().await;
    assert!(since.elapsed() < Duration::from_secs(9), "it waits for nobody");
    let error = asked.await.expect("answered").expect_err("the end");
    assert_eq!(code(&error), "57P01");
    let text = std::fs::read_to_string(dir.path().join("audit.jsonl")).expect("a log");
    assert!(text.contains("shuts down"), "{text}");
}
