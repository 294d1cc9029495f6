//! Requests over HTTP, whose answers are bounded: nobody's server fills the memory.

use std::task::{Context, Poll};
use std::time::Duration;

use alloy_json_rpc::{RequestPacket, ResponsePacket};
use alloy_transport::{TransportError, TransportErrorKind, TransportFut, TransportResult};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response};
use tower_service::Service;
use url::Url;

/// An answer is larger than is read.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it has more than {limit} bytes")]
pub(super) struct AnswerTooLarge {
    limit: usize,
}

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
        let body = match read(response, self.limit).await {
            // The status says more than half of a page.
            Err(_) if !status.is_success() => Vec::new(),
            body => body?,
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

/// The pause that a server wishes before the next request.
fn wished_pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The body of `response`, if it has at most `limit` bytes.
async fn read(mut response: Response, limit: usize) -> TransportResult<Vec<u8>> {
    let too_large = || TransportErrorKind::custom(AnswerTooLarge { limit });
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut body = Vec::with_capacity(response.content_length().unwrap_or(0) as usize);
    while let Some(chunk) = response.chunk().await.map_err(TransportErrorKind::custom)? {
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
