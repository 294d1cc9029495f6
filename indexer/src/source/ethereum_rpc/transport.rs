//! The connection to a node.

use std::time::Duration;

use alloy_pubsub::PubSubConnect;
use alloy_transport::{BoxTransport, TransportErrorKind, TransportResult};
use alloy_transport_ws::{WebSocketConfig, WsConnect};

use super::endpoint::{Endpoint, Protocol};
use super::http::BoundedHttp;
use super::retry::Retry;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Connects to a node, of which no answer of more than `limit` bytes is read. Over HTTP, there is nothing to do before the first request; a WebSocket is
/// opened now, and again by itself if it breaks.
pub(super) async fn open(
    endpoint: &Endpoint,
    timeout: Duration,
    limit: usize,
    retry: Retry,
) -> TransportResult<BoxTransport> {
    // Fails if there is a provider of cryptography already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match endpoint.protocol {
        Protocol::Http => {
            let client = reqwest::Client::builder()
                .timeout(timeout)
                .connect_timeout(CONNECT_TIMEOUT.min(timeout))
                // A redirected POST becomes a GET, which no node answers.
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .map_err(TransportErrorKind::custom)?;
            Ok(BoxTransport::new(BoundedHttp { client, url: endpoint.url.clone(), limit }))
        }
        Protocol::WebSocket => {
            let config = WebSocketConfig::default()
                .max_message_size(Some(limit))
                .max_frame_size(Some(limit));
            let connect = WsConnect::new(endpoint.url.as_str())
                .with_config(config)
                .with_max_retries(retry.attempts)
                .with_retry_interval(retry.first_pause);
            let connecting = connect.into_service();
            match tokio::time::timeout(CONNECT_TIMEOUT.min(timeout), connecting).await {
                Ok(service) => Ok(BoxTransport::new(service?)),
                Err(_) => Err(TransportErrorKind::custom_str("timeout while connecting")),
            }
        }
    }
}
