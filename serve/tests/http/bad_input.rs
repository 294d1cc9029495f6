//! What must not harm: after each, others are answered.

use std::time::{Duration, Instant};

use assay_serve::audit::Outcome;
use assay_serve::http::Patience;
use assay_serve::{Limits, Role};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{address, client, problem, rows, say, sql, url};
use crate::server::{Server, Setup};

async fn others_are_answered(server: &Server) {
    assert_eq!(rows(sql(server, "select 1 as one")).await, json!([{ "one": 1 }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_wrong() {
    let server = Server::start(Setup::default()).await;
    let post = |kind: &str, body: Vec<u8>| {
        client().post(url(&server, "/api/sql")).header("content-type", kind).body(body)
    };
    let deep = format!("select {}1{}", "(".repeat(20_000), ")".repeat(20_000));
    let chain = format!("select {}", vec!["1"; 200_000].join("+"));
    for (kind, body, status, sqlstate) in [
        ("application/json", b"{\"sql\": \"select 1\"".to_vec(), 400, ""),
        ("application/json", b"[1, 2]".to_vec(), 400, ""),
        ("application/json", br#"{"sql":"select 1","sql":"select 2"}"#.to_vec(), 400, ""),
        ("application/json", vec![b'['; 500_000], 400, ""),
        ("application/json", b"\xff\xfe".to_vec(), 400, ""),
        ("text/plain", b"select '\xff'".to_vec(), 400, ""),
        ("text/plain", b"select 1\0".to_vec(), 400, "42601"),
        ("text/plain", deep.into_bytes(), 413, "54001"),
        ("text/plain", chain.into_bytes(), 413, "54001"),
        ("text/plain", vec![b' '; (1 << 20) + 1], 413, "54001"),
        ("text/plain", vec![b' '; 3 << 20], 413, ""),
        ("text/xml", b"<sql/>".to_vec(), 415, ""),
    ] {
        let response = post(kind, body).send().await.expect("an answer");
        let (got, state, detail) = problem(response).await;
        assert_eq!((got, state.as_str()), (status, sqlstate), "{detail}");
    }
    others_are_answered(&server).await;
    let log = server.stop().await;
    assert_eq!(log.len(), 13);
    assert_eq!(log.iter().filter(|entry| entry.outcome == Outcome::Done).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_mebibytes_are_not_read() {
    let server = Server::start(Setup::default()).await;
    let mut socket = TcpStream::connect(address(&server)).await.expect("connected");
    let head = "POST /api/sql HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\n\
                content-length: 67108864\r\n\r\n";
    socket.write_all(head.as_bytes()).await.expect("written");
    let (mut reading, mut writing) = socket.into_split();
    let pushing = tokio::spawn(async move {
        let mut pushed = 0;
        while pushed < 64 << 20 && writing.write_all(&[b'x'; 65_536]).await.is_ok() {
            pushed += 65_536;
        }
        pushed
    });
    let mut answer = vec![0; 64];
    let read = tokio::time::timeout(Duration::from_secs(20), reading.read(&mut answer)).await;
    let read = read.expect("an answer in time").unwrap_or(0);
    assert!(read == 0 || answer.starts_with(b"HTTP/1.1 413 "), "{:?}", &answer[..read]);
    drop(reading);
    let pushed = pushing.await.expect("no panic");
    assert!(pushed < 32 << 20, "{pushed} bytes were taken");
    others_are_answered(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_parameters_that_are_wrong() {
    let server = Server::start(Setup::default()).await;
    for (path, status) in [
        ("/", "404"),
        ("/api", "404"),
        ("/api/../etc/passwd", "404"),
        ("/../../../../etc/passwd", "404"),
        ("/api/%2e%2e/%2e%2e/etc/passwd", "404"),
        ("/api/%73tatus", "404"),
        ("/api/status/", "404"),
        ("//api/status", "404"),
        ("/api/status%00", "404"),
        ("/API/status", "404"),
        ("/api/status?format=xml", "400"),
        ("/api/status?x=1", "400"),
        ("/api/status?format=json&format=csv", "400"),
        ("/api/status?format=%zz", "400"),
        ("/api/status?format=%ff", "400"),
        ("/api/columns", "400"),
        ("/api/columns?table=bitcoin.blocks'%20or%20'1'='1", "400"),
        ("/api/columns?table=bitcoin.blocks;drop%20table%20x", "400"),
        ("/api/holdings?asset=bitcoin')%20union%20select%201--", "400"),
        ("/api/holdings?at=7%20or%201=1", "400"),
        ("/api/holdings?at=-1", "400"),
        ("/api/holdings?at=99999999999999999999999", "400"),
        ("/api/holdings?threshold=1e-1", "400"),
        ("/api/holdings/top?limit=10001", "400"),
        ("/api/holdings/top?limit=0x10", "400"),
        ("/api/sql", "405"),
        ("/healthz?x=1", "400"),
    ] {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let answer = say(address(&server), request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
        assert!(answer.contains("application/problem+json"), "{path}: {answer}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"] {
        let request = format!(
            "{method} /api/status HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        let answer = say(address(&server), request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 405 "), "{method}: {answer}");
        assert!(answer.contains("\r\nallow: GET\r\n"), "{method}: {answer}");
    }
    others_are_answered(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_http() {
    let server = Server::start(Setup::default()).await;
    for bytes in [
        b"\0\0\0\x08\x04\xd2\x16\x2f".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET /\xff\xfe HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
        [&b"GET / HTTP/1.1\r\nx: "[..], &vec![b'x'; 200_000], b"\r\n\r\n"].concat(),
        b"POST /api/sql HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n"
            .to_vec(),
        b"POST /api/sql HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"
            .to_vec(),
    ] {
        let answer = say(address(&server), &bytes).await;
        let status = answer.get(..12).unwrap_or_default();
        assert!(!status.starts_with("HTTP/1.1 2"), "{bytes:?}: {answer}");
    }
    others_are_answered(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_slow_loses_the_connection() {
    let short = Duration::from_millis(500);
    let patience = Patience { head: short, body: short, write: short };
    let server = Server::start(Setup { patience, ..Setup::default() }).await;
    // Says its head a byte at a time.
    let mut socket = TcpStream::connect(address(&server)).await.expect("connected");
    let began = Instant::now();
    for byte in b"GET /api/status HTTP/1.1\r\nx: ".iter().chain(std::iter::repeat(&b'x')) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if socket.write_all(&[*byte]).await.is_err() || began.elapsed() > Duration::from_secs(20) {
            break;
        }
    }
    assert!(began.elapsed() < Duration::from_secs(20), "the head was waited for");
    // Says its head and not its body.
    let head = "POST /api/sql HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\n\
                content-length: 100\r\nconnection: close\r\n\r\nselect";
    let answer = say(address(&server), head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    // Asks for very much, and reads nothing.
    let mut socket = TcpStream::connect(address(&server)).await.expect("connected");
    let many = "select a.value from generate_series(1, 1000000) a, generate_series(1, 100000) b";
    let request = format!(
        "POST /api/sql HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\n\
         content-length: {}\r\n\r\n{many}",
        many.len()
    );
    socket.write_all(request.as_bytes()).await.expect("written");
    // The body that did not come, and this one.
    let log = server.log_of(2).await;
    assert_eq!(log[1].outcome, Outcome::Cancelled, "{log:#?}");
    drop(socket);
    others_are_answered(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_limits_of_a_role() {
    let small = Limits {
        timeout: Duration::from_secs(2),
        memory_bytes: 24 << 20,
        rows: 1_000,
        concurrency: 2,
    };
    let limits = [(Role::Analyst, small)].into();
    let server = Server::start(Setup { limits, memory_bytes: 64 << 20, ..Setup::default() }).await;
    let long = "select sum(a.value + b.value) from generate_series(1, 1000000) a, generate_series(1, 1000000) b";
    let response = sql(&server, long).send().await.expect("an answer");
    let (status, state, detail) = problem(response).await;
    assert_eq!((status, state.as_str()), (504, "57014"), "{detail}");
    let large = "select count(*) from (select distinct a.value * 1000 + b.value as x \
                 from generate_series(1, 100000) a, generate_series(1, 1000) b)";
    let response = sql(&server, large).send().await.expect("an answer");
    let (status, state, detail) = problem(response).await;
    assert!(matches!((status, state.as_str()), (413, "53200") | (504, "57014")), "{detail}");
    let rows_many = sql(&server, "select value from generate_series(1, 100000)");
    let broken = rows_many.send().await.expect("an answer").text().await;
    broken.expect_err("the answer breaks off");
    others_are_answered(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_connections() {
    let server = Server::start(Setup { places: 100, ..Setup::default() }).await;
    let mut sockets = Vec::new();
    for _ in 0..500 {
        sockets.push(TcpStream::connect(address(&server)).await.expect("connected"));
    }
    // Those beyond the limit are told, or hung up on.
    let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let mut answers = [0; 3];
    for socket in &mut sockets {
        let _ = socket.write_all(request).await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(30), socket.read_to_end(&mut answer));
        let _ = read.await.expect("an answer, or the end");
        let kind = match answer.get(..12) {
            Some(b"HTTP/1.1 200") => 0,
            Some(b"HTTP/1.1 503") => 1,
            _ => 2,
        };
        answers[kind] += 1;
    }
    assert!(answers[0] >= 100 && answers[1] > 0, "served, told, hung up on: {answers:?}");
    drop(sockets);
    others_are_answered(&server).await;
}
