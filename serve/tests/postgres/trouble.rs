//! What no client should send: the server answers, and stays up for the others.

use std::time::Duration;

use assay_fixtures::rng::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Served, code, texts};

/// How many connections talk nonsense.
const ROUNDS: u64 = 300;

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("short").to_be_bytes();
    [&[kind][..], &length, body].concat()
}

fn startup() -> Vec<u8> {
    let body = b"\0\x03\0\0user\0fuzz\0database\0assay\0\0";
    let length = u32::try_from(body.len() + 4).expect("short").to_be_bytes();
    [&length[..], body].concat()
}

/// A conversation that is right.
fn conversation() -> Vec<Vec<u8>> {
    vec![
        startup(),
        message(b'Q', b"select height, hash from bitcoin.blocks\0"),
        message(b'P', b"s\0select $1::int + height from bitcoin.blocks\0\0\x01\0\0\0\x17"),
        message(b'B', b"p\0s\0\0\x01\0\x01\0\x01\0\0\0\x04\0\0\0\x05\0\x01\0\x01"),
        message(b'D', b"Pp\0"),
        message(b'E', b"p\0\0\0\0\x03"),
        message(b'C', b"Pp\0"),
        message(b'S', b""),
        message(b'Q', b"copy (select 1) to stdout\0"),
        message(b'X', b""),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_on_the_wire_harms_nobody_else() {
    let served = Served::plain().await;
    let other = served.client().await;
    for seed in 0..ROUNDS {
        let mut rng = Rng::new(seed);
        let mut bytes = conversation().concat();
        // Few changes reach far, many are noticed at once.
        for _ in 0..=rng.below(6) {
            let place = usize::try_from(rng.below(bytes.len() as u64)).expect("within");
            match rng.below(4) {
                0 => bytes[place] ^= 1 << rng.below(8),
                1 => bytes[place] = u8::try_from(rng.below(256)).expect("a byte"),
                2 if bytes.len() > 1 => drop(bytes.remove(place)),
                _ => bytes.truncate(place.max(1)),
            }
        }
        let mut socket = TcpStream::connect(served.address()).await.expect("connected");
        // The server may hang up in the middle.
        let _ = socket.write_all(&bytes).await;
        let _ = socket.shutdown().await;
        let mut answer = Vec::new();
        let read = socket.read_to_end(&mut answer);
        let read = tokio::time::timeout(Duration::from_secs(30), read).await;
        assert!(read.is_ok(), "seed {seed}: the connection stays open");
        if seed % 50 == 0 {
            let rows = texts(&other, "select count(*) from bitcoin.blocks").await;
            assert_eq!(rows.expect("an answer"), ["8"], "seed {seed}");
        }
    }
    assert_eq!(texts(&other, "select 1").await.expect("an answer"), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_without_measure_are_refused() {
    let served = Served::plain().await;
    let client = served.client().await;
    let huge = format!("select '{}'", "x".repeat(64 << 20));
    let long = format!("select '{}'", "x".repeat(2 << 20));
    let nested = format!("select {}1{}", "(".repeat(10_000), ")".repeat(10_000));
    let queries = format!("{}select 1{}", "select * from (".repeat(2_000), ") t".repeat(2_000));
    let chained = format!("select {}", vec!["1"; 50_000].join(" + "));
    let listed = format!("select 1 from {}", vec!["bitcoin.blocks"; 500].join(", "));
    for (name, sql) in [
        ("huge", huge),
        ("long", long),
        ("nested", nested),
        ("queries", queries),
        ("chained", chained),
        ("listed", listed),
    ] {
        let error = texts(&client, &sql).await.expect_err(name);
        assert_eq!(code(&error), "54001", "{name}: {error:?}");
        let error = client.query(sql.as_str(), &[]).await.expect_err(name);
        assert_eq!(code(&error), "54001", "{name}: {error:?}");
    }
    assert_eq!(texts(&client, "select 1").await.expect("goes on"), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_message_keeps_no_other_waiting() {
    let served = Served::plain().await;
    let mut halves = Vec::new();
    for bytes in [&b""[..], b"\0", b"\0\0\0\x08", &startup()[..20]] {
        let mut socket = TcpStream::connect(served.address()).await.expect("connected");
        socket.write_all(bytes).await.expect("written");
        halves.push(socket);
    }
    let client = served.client().await;
    assert_eq!(texts(&client, "select 1").await.expect("an answer"), ["1"]);
}
