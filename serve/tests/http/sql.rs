//! Statements in bodies, and rows in all formats.

use std::io::Cursor;

use arrow::array::{Int64Array, RecordBatch};
use arrow::ipc::reader::{FileReader, StreamReader};
use assay_serve::audit::{Event, Outcome};
use serde_json::json;

use super::client::{client, problem, rows, sql, sql_in, url};
use crate::server::{PASSWORD, Server, Setup};

const HEIGHTS: &str = "select height from bitcoin.blocks order by height";

fn heights(batches: Vec<RecordBatch>) -> Vec<i64> {
    let of = |batch: &RecordBatch| {
        let column = batch.column(0).as_any().downcast_ref::<Int64Array>().expect("heights");
        column.values().to_vec()
    };
    batches.iter().flat_map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_format_has_all_rows() {
    let server = Server::start(Setup { users: true, ..Setup::default() }).await;
    let get = async |format: &str| {
        let request = sql_in(&server, format, HEIGHTS);
        let response = request.basic_auth("compliance", Some(PASSWORD)).send().await;
        let response = response.expect("an answer");
        assert_eq!(response.status(), 200, "{format}");
        let kind = response.headers()["content-type"].to_str().expect("a type").to_owned();
        (kind, response.bytes().await.expect("a whole body"))
    };
    let (kind, json) = get("json").await;
    assert_eq!(kind, "application/json");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(json.as_array().expect("rows").len(), 8);
    assert_eq!(json[7], json!({ "height": 7 }));
    let (kind, ndjson) = get("ndjson").await;
    assert_eq!(kind, "application/x-ndjson");
    assert!(ndjson.starts_with(b"{\"height\":0}\n{\"height\":1}\n"), "{ndjson:?}");
    let (kind, csv) = get("csv").await;
    assert_eq!(kind, "text/csv; charset=utf-8; header=present");
    assert_eq!(csv, "height\n0\n1\n2\n3\n4\n5\n6\n7\n");
    let (kind, stream) = get("arrow-stream").await;
    assert_eq!(kind, "application/vnd.apache.arrow.stream");
    let stream = StreamReader::try_new(Cursor::new(stream), None).expect("a stream");
    assert_eq!(
        heights(stream.map(|batch| batch.expect("rows")).collect()),
        [0, 1, 2, 3, 4, 5, 6, 7]
    );
    let (kind, file) = get("arrow").await;
    assert_eq!(kind, "application/vnd.apache.arrow.file");
    let file = FileReader::try_new(Cursor::new(file), None).expect("a file");
    assert_eq!(heights(file.map(|batch| batch.expect("rows")).collect()), [0, 1, 2, 3, 4, 5, 6, 7]);
    let (kind, parquet) = get("parquet").await;
    assert_eq!(kind, "application/vnd.apache.parquet");
    let parquet = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(parquet);
    let parquet = parquet.expect("Parquet").build().expect("rows");
    assert_eq!(
        heights(parquet.map(|batch| batch.expect("rows")).collect()),
        [0, 1, 2, 3, 4, 5, 6, 7]
    );

    let log = server.stop().await;
    assert_eq!(log.len(), 6);
    assert!(log.iter().all(|entry| entry.outcome == Outcome::Done && entry.rows == 8), "{log:#?}");
    let exports: Vec<_> = log.iter().filter(|entry| entry.event == Event::Export).collect();
    let formats: Vec<_> = exports.iter().filter_map(|entry| entry.format.as_deref()).collect();
    assert_eq!(formats, ["arrow", "parquet"]);
    assert_eq!(log[0].user, "compliance");
    assert_eq!((log[0].protocol.as_str(), log[0].statement.as_deref()), ("http", Some(HEIGHTS)));
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_values() {
    let server = Server::start(Setup::default()).await;
    let post = |body: serde_json::Value| client().post(url(&server, "/api/sql")).json(&body);
    let text = "select height, $2 as word, $3 as nothing from bitcoin.blocks where height >= $1 order by 1";
    let answer = rows(post(json!({ "sql": text, "parameters": [6, "' or 1=1 --", null] }))).await;
    assert_eq!(
        answer,
        json!([
            { "height": 6, "word": "' or 1=1 --", "nothing": null },
            { "height": 7, "word": "' or 1=1 --", "nothing": null },
        ])
    );
    let by_hash = "select height from bitcoin.blocks where hash = $1";
    let hash = hex::encode(assay_fixtures::lake::block_hash(3));
    let answer = rows(post(json!({ "sql": by_hash, "parameters": [hash] }))).await;
    assert_eq!(answer, json!([{ "height": 3 }]));
    // Too few, and none at all.
    for parameters in [json!([]), json!(["x"])] {
        let body = json!({ "sql": "select $1 || $2", "parameters": parameters });
        let response = post(body).send().await.expect("an answer");
        assert_eq!(problem(response).await.0, 400);
    }
    let log = server.stop().await;
    assert_eq!(log[0].parameters, ["6", "' or 1=1 --", "NULL"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_rows_are_an_answer() {
    let server = Server::start(Setup::default()).await;
    let none = "select height from bitcoin.blocks where height < 0";
    assert_eq!(rows(sql(&server, none)).await, json!([]));
    let csv = sql(&server, none).header("accept", "text/csv").send().await.expect("an answer");
    assert_eq!(csv.text().await.expect("a body"), "height\n");
    let lines = sql_in(&server, "ndjson", none).send().await.expect("an answer");
    assert_eq!(lines.status(), 200);
    assert_eq!(lines.text().await.expect("a body"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_has_its_sqlstate_and_its_place() {
    let server = Server::start(Setup::default()).await;
    for (text, status, sqlstate) in [
        ("select\n  1 frm 2", 400, "42601"),
        ("select * from nowhere.nothing", 400, "42P01"),
        ("select nothing from bitcoin.blocks", 400, "42703"),
        ("select nothing(1)", 400, "42883"),
        ("select 1 / (height - height) from bitcoin.blocks", 400, "22012"),
        ("drop table bitcoin.blocks", 403, "25006"),
        ("copy bitcoin.blocks to '/tmp/x.parquet'", 403, "25006"),
        ("create external table t stored as csv location '/etc/passwd'", 403, "25006"),
        ("select 1; select 2", 400, "42601"),
        ("", 400, "42601"),
    ] {
        let response = sql(&server, text).send().await.expect("an answer");
        let (got, state, detail) = problem(response).await;
        assert_eq!((got, state.as_str()), (status, sqlstate), "{text}: {detail}");
    }
    let response = sql(&server, "select\n  1 frm 2").send().await.expect("an answer");
    let document: serde_json::Value = response.json().await.expect("JSON");
    assert_eq!(document["position"], 16, "{document}");
    // Files of the server are no tables.
    let response = sql(&server, "select * from '/etc/passwd'").send().await.expect("an answer");
    assert_eq!(problem(response).await.0, 400);
    let log = server.stop().await;
    assert_eq!(log.len(), 12);
    assert!(log.iter().all(|entry| entry.outcome != Outcome::Done && entry.reason.is_some()));
}

/// Rows that come for a while, and then fail.
const LATE_ERROR: &str = "select 1 / (99999 - value) as x from generate_series(0, 100000) t";

#[tokio::test(flavor = "multi_thread")]
async fn an_error_behind_the_first_row_breaks_the_answer_off() {
    let server = Server::start(Setup::default()).await;
    for format in ["json", "ndjson", "csv", "arrow-stream"] {
        let response = sql_in(&server, format, LATE_ERROR).send().await;
        let mut response = response.expect("an answer");
        assert_eq!(response.status(), 200, "{format}");
        let mut body = Vec::new();
        let broken = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        assert!(broken, "{format}: the answer looks whole");
        let text = String::from_utf8_lossy(&body);
        if format.ends_with("json") {
            assert!(text.contains("{\"error\":{"), "{format}: {}", &text[text.len() - 200..]);
            assert!(text.contains("\"sqlstate\":\"22012\""), "{format}");
        }
        if format == "json" {
            serde_json::from_str::<serde_json::Value>(&text).expect_err("the array is open");
        }
    }
    let log = server.stop().await;
    assert!(log.iter().all(|entry| entry.outcome == Outcome::Failed), "{log:#?}");
    assert_eq!(log.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_stops_the_statement() {
    let server = Server::start(Setup::default()).await;
    let many = "select a.value from generate_series(1, 1000000) a, generate_series(1, 100000) b";
    let mut response = sql(&server, many).send().await.expect("an answer");
    response.chunk().await.expect("bytes").expect("the first");
    drop(response);
    // And one that has no rows for long.
    let sum = "select sum(a.value + b.value) from generate_series(1, 1000000) a, generate_series(1, 100000) b";
    let waiting =
        tokio::time::timeout(std::time::Duration::from_millis(300), sql(&server, sum).send());
    waiting.await.expect_err("it takes long");
    let log = server.log_of(2).await;
    assert!(log.iter().all(|entry| entry.outcome == Outcome::Cancelled), "{log:#?}");
    assert!(log.iter().all(|entry| entry.duration_ms < 20_000), "{log:#?}");
    assert_eq!(rows(sql(&server, "select 1 as one")).await, json!([{ "one": 1 }]));
}
