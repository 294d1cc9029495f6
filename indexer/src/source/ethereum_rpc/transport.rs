//! The connection to a node.

use std::time::Duration;

use alloy_pubsub::{PubSubConnect, PubSubFrontend};
use alloy_transport::{BoxTransport, TransportErrorKind, TransportResult};
use alloy_transport_ws::{WebSocketConfig, WsConnect};

use super::http::BoundedHttp;
use crate::source::Retry;
use crate::source::endpoint::Endpoint;
use crate::source::http::{self, CONNECT_TIMEOUT};

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// What requests go through.
    pub transport: BoxTransport,
    /// What announcements come through; `None` over HTTP, where there are none.
    pub socket: Option<PubSubFrontend>,
    /// How many there were before it.
    pub number: u64,
}

/// Connects to a node, of which no answer of more than `limit` bytes is read. Over HTTP, there is
/// nothing to do before the first request; a WebSocket is opened now, and again by itself if it
/// breaks.
pub(super) async fn open(
    endpoint: &Endpoint,
    timeout: Duration,
    limit: usize,
    retry: Retry,
) -> TransportResult<Connection> {
    match endpoint.url.scheme() {
        "http" | "https" => {
            let client = http::client(timeout).map_err(TransportErrorKind::custom)?;
            let http = BoxTransport::new(BoundedHttp { client, url: endpoint.url.clone(), limit });
            Ok(Connection { transport: http, socket: None, number: 0 })
        }
        _ => {
            http::install_cryptography();
            let config = WebSocketConfig::default()
                .max_message_size(Some(limit))
                .max_frame_size(Some(limit));
            let connect = WsConnect::new(endpoint.url.as_str())
                .with_config(config)
                .with_max_retries(retry.attempts)
                .with_retry_interval(retry.first_pause);
            let connecting = connect.into_service();
            match tokio::time::timeout(CONNECT_TIMEOUT.min(timeout), connecting).await {
                Ok(socket) => {
                    let socket = socket?;
                    let transport = BoxTransport::new(socket.clone());
                    Ok(Connection { transport, socket: Some(socket), number: 0 })
                }
                Err(_) => Err(TransportErrorKind::custom_str("timeout while connecting")),
            }
        }
    }
}
