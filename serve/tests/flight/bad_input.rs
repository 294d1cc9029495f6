//! What must not harm: after each, others are answered.

use std::time::Duration;

use arrow_flight::{Action, FlightDescriptor, Ticket};
use assay_serve::audit::Event;
use assay_serve::service::Protocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{Client, client, query, text};
use crate::server::{Server, Setup};

async fn others_are_answered(server: &Server) {
    let mut client = client(server).await;
    assert_eq!(text(&query(&mut client, "select 1").await.expect("rows")), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_mean_nothing() {
    let server = Server::start(Setup::default()).await;
    let mut client: Client = client(&server).await;
    for bytes in [vec![], vec![0xff; 100], vec![0; 1_000], b"select 1".to_vec()] {
        client.do_get(Ticket::new(bytes.clone())).await.expect_err("no ticket");
        let descriptor = FlightDescriptor::new_cmd(bytes.clone());
        client.inner_mut().get_flight_info(descriptor).await.expect_err("no command");
        for name in ["CreatePreparedStatement", "ClosePreparedStatement", "CancelQuery", "x"] {
            let action = Action::new(name, bytes.clone());
            client.inner_mut().do_action(action).await.expect_err("no action");
        }
    }
    let descriptor = FlightDescriptor::new_path(vec!["..".to_owned(), "etc".to_owned()]);
    client.inner_mut().get_flight_info(descriptor).await.expect_err("no command");
    others_are_answered(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_that_are_too_much() {
    let server = Server::start(Setup::default()).await;
    let mut client = client(&server).await;
    let deep = format!("select {}1{}", "(".repeat(20_000), ")".repeat(20_000));
    let chain = format!("select {}", vec!["1"; 200_000].join("+"));
    for sql in
        [deep, chain, " ".repeat((1 << 20) + 1), "x".repeat(64 << 20), "select 1\0".to_owned()]
    {
        client.execute(sql.clone(), None).await.expect_err("too much");
        client.prepare(sql, None).await.map(drop).expect_err("too much");
    }
    others_are_answered(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_grpc() {
    let server = Server::start(Setup::default()).await;
    for bytes in [
        b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
        b"\0\0\0\x08\x04\xd2\x16\x2f".repeat(10),
        [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &[0xff; 64]].concat(),
    ] {
        let mut socket =
            TcpStream::connect(server.address(Protocol::Flight)).await.expect("connected");
        let _ = socket.write_all(&bytes).await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(30), socket.read_to_end(&mut answer));
        let _ = read.await.expect("the server hangs up");
    }
    others_are_answered(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_cannot_be_tried_at_speed() {
    let server = Server::start(Setup { users: true, ..Setup::default() }).await;
    let attempt = async || {
        let mut client = client(&server).await;
        client.handshake("analyst", "wrong").await.expect_err("a wrong password").to_string()
    };
    let errors = futures::future::join_all((0..40).map(|_| attempt())).await;
    let turned_away = errors.iter().filter(|error| error.contains("too many")).count();
    assert!(turned_away > 10, "{turned_away}: {errors:?}");
    let mut operator = client(&server).await;
    operator.handshake("operator", crate::server::PASSWORD).await.expect("let in");
    query(&mut operator, "select 1").await.expect("rows");
    let log = server.stop().await;
    assert_eq!(log.iter().filter(|entry| entry.event == Event::Login).count(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_connections() {
    let server = Server::start(Setup { places: 100, ..Setup::default() }).await;
    let mut sockets = Vec::new();
    for _ in 0..500 {
        sockets
            .push(TcpStream::connect(server.address(Protocol::Flight)).await.expect("connected"));
    }
    // Those beyond the limit are hung up on; the others keep their places and say nothing.
    let mut closed = 0;
    for socket in &mut sockets[100..] {
        let mut byte = [0];
        let read = tokio::time::timeout(Duration::from_secs(30), socket.read(&mut byte));
        closed += usize::from(matches!(read.await.expect("the end"), Ok(0) | Err(_)));
    }
    assert_eq!(closed, 400);
    drop(sockets);
    let until = tokio::time::Instant::now() + Duration::from_secs(30);
    while tokio::time::Instant::now() < until {
        let endpoint = tonic::transport::Endpoint::from_shared(format!(
            "http://{}",
            server.address(Protocol::Flight)
        ));
        if endpoint.expect("an address").connect().await.is_ok() {
            break;
        }
    }
    others_are_answered(&server).await;
}
