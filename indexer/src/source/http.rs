//! HTTP as nodes are asked by it: answers are bounded, so that nobody's server fills the memory.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response};

/// How long connecting may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection that nobody uses is kept: less than servers keep it, so that no request is
/// sent into one that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// An answer is larger than is read.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it has more than {limit} bytes")]
pub(super) struct AnswerTooLarge {
    limit: usize,
}

/// The body of an answer cannot be had.
#[derive(Debug)]
pub(super) enum ReadError {
    /// There is more than is read.
    TooLarge(AnswerTooLarge),
    /// It does not come.
    Http(reqwest::Error),
}

/// Has connections encrypted by the library that this program is built with.
pub(super) fn install_cryptography() {
    // Fails if there is a provider of cryptography already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A client each of whose requests ends within `timeout`.
pub(super) fn client(timeout: Duration) -> reqwest::Result<Client> {
    install_cryptography();
    Client::builder()
        .timeout(timeout)
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .pool_idle_timeout(IDLE_TIMEOUT)
        // A redirected POST becomes a GET, which no node answers.
        .redirect(reqwest::redirect::Policy::none())
        .build()
}

/// The body of `response`, if it has at most `limit` bytes.
pub(super) async fn read_bounded(
    mut response: Response,
    limit: usize,
) -> Result<Vec<u8>, ReadError> {
    let too_large = ReadError::TooLarge(AnswerTooLarge { limit });
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_large);
    }
    let mut body = Vec::with_capacity(response.content_length().unwrap_or(0) as usize);
    while let Some(chunk) = response.chunk().await.map_err(ReadError::Http)? {
        if body.len() + chunk.len() > limit {
            return Err(too_large);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The pause that a server wishes before the next request.
pub(super) fn wished_pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Why there was no complete answer, down to the first cause; without the URL, which may be secret.
pub(super) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        reason = format!("{reason}: {cause}");
        source = cause.source();
    }
    reason
}

/// Whether an answer is a web page.
pub(super) fn is_html(text: &str) -> bool {
    text.trim_start().starts_with('<')
}
