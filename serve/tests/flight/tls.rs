//! Flight SQL over TLS.

use arrow_flight::sql::client::FlightSqlServiceClient;
use assay_serve::service::Protocol;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use super::client::{query, text};
use crate::server::{PASSWORD, Server, Setup};
use crate::tls::certificate;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_by_tls_is_answered() {
    let dir = tempfile::tempdir().expect("a folder");
    let Some(pair) = certificate(dir.path()) else { return };
    let pem = std::fs::read(&pair.0).expect("a certificate");
    let server = Server::start(Setup { tls: Some(pair), users: true, ..Setup::default() }).await;
    let port = server.address(Protocol::Flight).port();
    let endpoint = Endpoint::from_shared(format!("https://localhost:{port}")).expect("an address");
    let known = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem));
    let channel = endpoint.tls_config(known).expect("TLS").connect().await.expect("connected");
    let mut client = FlightSqlServiceClient::new(channel);
    client.handshake("analyst", PASSWORD).await.expect("let in");
    assert_eq!(text(&query(&mut client, "select 1").await.expect("rows")), ["1"]);
    let endpoint = Endpoint::from_shared(format!("https://localhost:{port}")).expect("an address");
    let strange = endpoint.tls_config(ClientTlsConfig::new()).expect("TLS").connect().await;
    strange.expect_err("an unknown certificate");
}
