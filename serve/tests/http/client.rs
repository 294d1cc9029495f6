//! A client of HTTP, and one that says bytes.

use std::net::SocketAddr;
use std::time::Duration;

use assay_serve::service::Protocol;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::Server;

/// A client without a proxy.
pub fn client() -> Client {
    // What TLS needs has to be named, also where there is none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().timeout(Duration::from_secs(120)).build().expect("a client")
}

/// Where HTTP is spoken.
pub fn address(server: &Server) -> SocketAddr {
    server.address(Protocol::Http)
}

/// The address of `path`.
pub fn url(server: &Server, path: &str) -> String {
    format!("http://{}{path}", address(server))
}

/// A statement in the body.
pub fn sql(server: &Server, text: &str) -> RequestBuilder {
    client()
        .post(url(server, "/api/sql"))
        .header("content-type", "application/sql")
        .body(text.to_owned())
}

/// A statement in the body, and the format of its rows behind the path.
pub fn sql_in(server: &Server, format: &str, text: &str) -> RequestBuilder {
    client()
        .post(url(server, &format!("/api/sql?format={format}")))
        .header("content-type", "application/sql")
        .body(text.to_owned())
}

/// The JSON of an answer that must be well.
pub async fn rows(request: RequestBuilder) -> Value {
    let response = request.send().await.expect("an answer");
    let (status, text) = (response.status(), response.text().await.expect("a whole body"));
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).expect("JSON")
}

/// The problem document of an answer: its status, its SQLSTATE (or nothing), and what it says.
pub async fn problem(response: Response) -> (u16, String, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let document: Value = response.json().await.expect("JSON");
    assert_eq!(document["status"], status);
    let text = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
    (status, text("sqlstate"), text("detail"))
}

/// Says `bytes` and reads all that is answered until the server hangs up.
pub async fn say(address: SocketAddr, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(address).await.expect("connected");
    // The server may hang up before it has read everything.
    let _ = socket.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(60), socket.read_to_end(&mut answer));
    let _ = read.await.expect("the server hangs up");
    String::from_utf8_lossy(&answer).into_owned()
}
