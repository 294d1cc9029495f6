//! Requests over HTTP, whose answers are bounded: nobody's server fills the memory.

use std::task::{Context, Poll};

use alloy_json_rpc::{RequestPacket, ResponsePacket};
use alloy_transport::{TransportError, TransportErrorKind, TransportFut, TransportResult};
use reqwest::Client;
use tower_service::Service;
use url::Url;

use crate::source::http::{ReadError, read_bounded, wished_pause};

/// Sends requests to one place.
#[derive(Clone, Debug)]
pub(super) struct BoundedHttp {
    pub client: Client,
    pub url: Url,
    /// Most bytes of an answer.
    pub limit: usize,
}

impl BoundedHttp {
    async fn send(self, packet: RequestPacket) -> TransportResult<ResponsePacket> {
        let request = self.client.post(self.url).json(&packet);
        let response = request.send().await.map_err(TransportErrorKind::custom)?;
        let status = response.status();
        let after = wished_pause(response.headers());
        let body = match read_bounded(response, self.limit).await {
            Ok(body) => body,
            // The status says more than half of a page.
            Err(_) if !status.is_success() => Vec::new(),
            Err(ReadError::TooLarge(error)) => return Err(TransportErrorKind::custom(error)),
            Err(ReadError::Http(error)) => return Err(TransportErrorKind::custom(error)),
        };
        match serde_json::from_slice(&body) {
            Ok(packet) if status.is_success() || is_error(&packet) => Ok(packet),
            Err(error) if status.is_success() => {
                Err(TransportError::deser_err(error, String::from_utf8_lossy(&body)))
            }
            _ => {
                let text = String::from_utf8_lossy(&body).into_owned();
                let status = status.as_u16();
                Err(TransportErrorKind::http_error_with_retry_after(status, text, after))
            }
        }
    }
}

impl Service<RequestPacket> for BoundedHttp {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<TransportResult<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        Box::pin(self.clone().send(packet))
    }
}

/// Whether a server says in JSON-RPC, too, that it does not do what it was asked.
fn is_error(packet: &ResponsePacket) -> bool {
    packet.responses().iter().any(|response| response.is_error())
}
