//! Statements, prepared or not, and who may ask them.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_flight::sql::client::FlightSqlServiceClient;
use assay_serve::audit::Outcome;
use futures::StreamExt;

use super::client::{client, fetch, query, text};
use crate::server::{PASSWORD, Server, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_as_they_are() {
    let server = Server::start(Setup::default()).await;
    let mut client = client(&server).await;
    let rows =
        query(&mut client, "select height, hash from bitcoin.blocks order by 1 limit 2").await;
    let rows = rows.expect("rows");
    assert_eq!(text(&rows)[1], format!("1|{}", "b1".repeat(32)));
    let sum =
        query(&mut client, "select sum(value), count(*) from generate_series(1, 1000000)").await;
    assert_eq!(text(&sum.expect("rows")), ["500000500000|1000000"]);
    let none = query(&mut client, "select height from bitcoin.blocks where height < 0").await;
    assert_eq!(text(&none.expect("no rows")), [""; 0]);
    let all = query(&mut client, "select value from generate_series(1, 1000000)").await;
    assert_eq!(all.expect("rows").iter().map(RecordBatch::num_rows).sum::<usize>(), 1_000_000);
    let log = server.stop().await;
    let rows: Vec<_> = log.iter().map(|entry| (entry.outcome, entry.rows)).collect();
    assert_eq!(rows, [2, 1, 0, 1_000_000].map(|rows| (Outcome::Done, rows)));
    assert_eq!((log[0].user.as_str(), log[0].protocol.as_str()), ("anonymous", "flight"));
}

#[tokio::test(flavor = "multi_thread")]
async fn prepared_statements_take_parameters() {
    let server = Server::start(Setup::default()).await;
    let mut client = client(&server).await;
    let sql = "select height, $2 as word from bitcoin.blocks where height >= $1 order by 1";
    let mut prepared = client.prepare(sql.to_owned(), None).await.expect("prepared");
    let names: Vec<_> = prepared
        .parameter_schema()
        .expect("columns")
        .fields()
        .iter()
        .map(|f| f.name().clone())
        .collect();
    assert_eq!(names, ["$1", "$2"]);
    prepared.execute().await.expect_err("nothing is bound");
    for (height, expected) in [(6, vec!["6|it's", "7|it's"]), (7, vec!["7|it's"]), (9, vec![])] {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("1", Arc::new(Int64Array::from(vec![height]))),
            ("2", Arc::new(StringArray::from(vec!["it's"]))),
        ];
        let row = RecordBatch::try_from_iter(columns).expect("a row");
        prepared.set_parameters(row).expect("taken");
        let info = prepared.execute().await.expect("bound");
        assert_eq!(text(&fetch(&mut client, info).await.expect("rows")), expected);
    }
    let two: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let one: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    for (columns, word) in [
        (vec![("1", two.clone()), ("2", two)], "one row"),
        (vec![("1", one)], "2 parameters, and 1 came"),
    ] {
        prepared.set_parameters(RecordBatch::try_from_iter(columns).expect("rows")).expect("taken");
        let error = prepared.execute().await.expect_err("wrong parameters").to_string();
        assert!(error.contains(word), "{error}");
    }
    prepared.close().await.expect("closed");
    let plain = client.prepare("select 1 as one".to_owned(), None).await;
    let info = plain.expect("prepared").execute().await.expect("nothing to bind");
    assert_eq!(text(&fetch(&mut client, info).await.expect("rows")), ["1"]);
    let log = server.stop().await;
    let parameters: Vec<_> = log.iter().map(|entry| entry.parameters.join(",")).collect();
    assert_eq!(parameters, ["6,it's", "7,it's", "9,it's", ""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_their_status_and_words() {
    let server = Server::start(Setup::default()).await;
    let mut client = client(&server).await;
    for (sql, code, word) in [
        ("select 1 frm 2", "InvalidArgument", "syntax error"),
        ("select * from no.where", "NotFound", "no.where"),
        ("drop table bitcoin.blocks", "PermissionDenied", "only reads"),
        ("select 1; select 2", "InvalidArgument", "exactly one"),
        ("select $1", "InvalidArgument", "prepare it"),
        ("select 1 / (height - height) from bitcoin.blocks", "InvalidArgument", "ivide by zero"),
    ] {
        let error = format!("{:?}", query(&mut client, sql).await.expect_err(sql));
        assert!(error.contains(word), "{sql}: {error}");
        let code_in_words = match code {
            "InvalidArgument" => {
                ["InvalidArgument", "invalid argument", "Client specified an invalid"]
            }
            "NotFound" => ["NotFound", "not found", "Some requested entity was not found"],
            _ => ["PermissionDenied", "permission", "The caller does not have permission"],
        };
        assert!(code_in_words.iter().any(|words| error.contains(words)), "{sql}: {error}");
    }
    for sql in ["insert into bitcoin.blocks values (1)", "select 1"] {
        let error = client.execute_update(sql.to_owned(), None).await.expect_err(sql).to_string();
        assert!(error.contains("only reads"), "{sql}: {error}");
    }
    assert_eq!(text(&query(&mut client, "select 1").await.expect("rows")), ["1"]);
    let log = server.stop().await;
    assert_eq!(log.len(), 9);
    assert_eq!(log.iter().filter(|entry| entry.outcome == Outcome::Done).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_tickets_are_for_those_who_got_them() {
    let server = Server::start(Setup { users: true, ..Setup::default() }).await;
    let mut nobody = client(&server).await;
    query(&mut nobody, "select 1").await.expect_err("nobody has said who asks");
    nobody.get_catalogs().await.expect_err("nobody has said who asks");
    nobody.handshake("analyst", "wrong").await.expect_err("a wrong password");
    nobody.set_token("0".repeat(64));
    query(&mut nobody, "select 1").await.expect_err("a token that nobody got");

    let mut analyst = client(&server).await;
    analyst.handshake("analyst", PASSWORD).await.expect("let in");
    let mut regulator = client(&server).await;
    regulator.handshake("regulator", PASSWORD).await.expect("let in");
    let raw = "select count(*) from bitcoin.outputs";
    assert_eq!(text(&query(&mut analyst, raw).await.expect("rows")).len(), 1);
    query(&mut regulator, raw).await.expect_err("the rows of the chain");
    query(&mut regulator, "select * from bitcoin.balances").await.expect("a view");
    query(&mut analyst, "select * from system.audit").await.expect_err("the audit log");

    let info = analyst.execute(raw.to_owned(), None).await.expect("a ticket");
    let error = fetch(&mut regulator, info.clone()).await.expect_err("the ticket of another");
    assert!(error.to_string().contains("no such statement"), "{error}");
    fetch(&mut analyst, info).await.expect("their own ticket");
    // A token is good on another connection, too.
    let token = analyst.token().expect("a token").clone();
    let mut again = client(&server).await;
    again.set_token(token);
    query(&mut again, "select 1").await.expect("rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_stops_the_statement() {
    let server = Server::start(Setup::default()).await;
    let mut client = client(&server).await;
    let many = "select a.value from generate_series(1, 1000000) a, generate_series(1, 100000) b";
    let info = client.execute(many.to_owned(), None).await.expect("a ticket");
    let ticket = info.endpoint[0].ticket.clone().expect("a ticket");
    let mut stream = client.do_get(ticket).await.expect("a stream");
    stream.next().await.expect("rows").expect("rows");
    drop(stream);
    let log = server.log_of(1).await;
    assert_eq!(log[0].outcome, Outcome::Cancelled);
    // And with the whole connection, before there is a row.
    let sum = "select sum(a.value + b.value) from generate_series(1, 1000000) a, generate_series(1, 100000) b";
    let info = client.execute(sum.to_owned(), None).await.expect("a ticket");
    let ticket = info.endpoint[0].ticket.clone().expect("a ticket");
    let get = async {
        let mut stream = client.do_get(ticket).await.expect("a stream");
        stream.next().await
    };
    tokio::time::timeout(Duration::from_millis(300), get).await.expect_err("it takes long");
    drop(client);
    let log = server.log_of(2).await;
    assert_eq!(log[1].outcome, Outcome::Cancelled, "{log:#?}");
    let mut client: FlightSqlServiceClient<_> = super::client::client(&server).await;
    query(&mut client, "select 1").await.expect("others are answered");
}
