//! HTTP over TLS.

use reqwest::{Certificate, Client};
use serde_json::json;

use super::client::{address, rows, say};
use crate::server::{Server, Setup};
use crate::tls::certificate;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_by_tls_is_answered() {
    let dir = tempfile::tempdir().expect("a folder");
    let Some(pair) = certificate(dir.path()) else { return };
    let pem = std::fs::read(&pair.0).expect("a certificate");
    let server = Server::start(Setup { tls: Some(pair), ..Setup::default() }).await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let known = Certificate::from_pem(&pem).expect("a certificate");
    let client = Client::builder().no_proxy().tls_certs_only([known]).build().expect("a client");
    let url = format!("https://localhost:{}/api/sql", address(&server).port());
    let request = client.post(&url).header("content-type", "text/plain").body("select 1 as one");
    assert_eq!(rows(request).await, json!([{ "one": 1 }]));
    // Who does not know the certificate, or speaks in the clear, gets nothing.
    let stranger = Client::builder().no_proxy().build().expect("a client");
    stranger.get(&url).send().await.expect_err("an unknown certificate");
    let answer = say(address(&server), b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(!answer.contains("200"), "{answer}");
}
