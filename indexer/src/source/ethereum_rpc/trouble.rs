//! What a failed request means: to be asked again, to be asked for in smaller parts, or an error.

use std::time::Duration;

use alloy_json_rpc::{ErrorPayload, RpcError as ClientError};
use alloy_transport::{TransportError, TransportErrorKind};

use super::error::RpcFault;
use crate::source::endpoint::Endpoint;
use crate::source::http::{self, AnswerTooLarge};

/// How much of what is no JSON is shown, characters.
const START_CHARS: usize = 80;

/// Why a request has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It may have one soon.
    Passing {
        /// What is wrong.
        reason: String,
        /// Whether there were too many requests.
        is_limit: bool,
        /// The pause that the node wishes.
        after: Option<Duration>,
    },
    /// It was too large, or its answer is.
    TooLarge {
        /// What the node said.
        message: String,
    },
    /// It never will.
    Lasting(RpcFault),
}

impl Trouble {
    /// Trouble that may pass.
    pub fn passing(reason: impl Into<String>) -> Trouble {
        Trouble::Passing { reason: reason.into(), is_limit: false, after: None }
    }
}

/// What the failure of a whole request means.
pub(super) fn of_transport(endpoint: &Endpoint, error: TransportError) -> Trouble {
    match error {
        ClientError::ErrorResp(payload) => of_payload(endpoint, &payload),
        ClientError::DeserError { err, text } => of_text(endpoint, &err, &text),
        ClientError::Transport(TransportErrorKind::Custom(error)) => {
            match error.downcast::<reqwest::Error>() {
                Ok(error) => of_http(endpoint, *error),
                Err(error) if error.is::<AnswerTooLarge>() => {
                    Trouble::TooLarge { message: error.to_string() }
                }
                Err(error) => of_web_socket(endpoint, &error.to_string()),
            }
        }
        ClientError::Transport(kind) => {
            let after = kind.retry_after();
            match kind {
                TransportErrorKind::HttpError(error)
                | TransportErrorKind::HttpErrorWithRetryAfter { error, .. } => {
                    of_status(endpoint, error.status, &error.body, after)
                }
                kind => Trouble::passing(endpoint.clean(&kind.to_string())),
            }
        }
        error => {
            Trouble::Lasting(RpcFault::malformed("answer", endpoint.clean(&error.to_string())))
        }
    }
}

/// What it means that `text` is no answer.
fn of_text(endpoint: &Endpoint, error: &serde_json::Error, text: &str) -> Trouble {
    if http::is_html(text) {
        return Trouble::Lasting(RpcFault::Html { start: endpoint.cut(text, START_CHARS) });
    }
    if error.is_eof() {
        return Trouble::passing(format!("the answer ends after {} bytes", text.len()));
    }
    let start = endpoint.cut(text, START_CHARS);
    Trouble::Lasting(RpcFault::NotJson { start, reason: endpoint.clean(&error.to_string()) })
}

/// What it means that there was no complete answer.
fn of_http(endpoint: &Endpoint, error: reqwest::Error) -> Trouble {
    let is_ours = error.is_builder();
    let reason = endpoint.clean(&http::reason(error));
    // Such as a system without certificates.
    if is_ours { unreachable(reason) } else { of_connection(reason) }
}

/// What the failure of a connection means.
fn of_connection(reason: String) -> Trouble {
    // Nobody else will answer there the next time.
    if reason.contains("certificate") { unreachable(reason) } else { Trouble::passing(reason) }
}

fn unreachable(reason: String) -> Trouble {
    Trouble::Lasting(RpcFault::Unreachable { attempts: 1, reason })
}

/// What the failure of a WebSocket means, which only its text tells.
fn of_web_socket(endpoint: &Endpoint, text: &str) -> Trouble {
    let status = text.strip_prefix("HTTP error: ").and_then(|rest| rest.get(..3)?.parse().ok());
    match status {
        Some(status) => of_status(endpoint, status, text, None),
        None => of_connection(endpoint.clean(text)),
    }
}

/// What a status of HTTP means.
fn of_status(endpoint: &Endpoint, status: u16, body: &str, after: Option<Duration>) -> Trouble {
    let start = || endpoint.cut(body, START_CHARS);
    match status {
        401 | 403 => Trouble::Lasting(RpcFault::Denied { status }),
        413 => Trouble::TooLarge { message: "HTTP status 413".to_owned() },
        429 | 502..=504 => {
            let reason = format!("HTTP status {status}");
            Trouble::Passing { reason, is_limit: status == 429, after }
        }
        200..=299 if http::is_html(body) => Trouble::Lasting(RpcFault::Html { start: start() }),
        _ => Trouble::Lasting(RpcFault::Status { status, start: start() }),
    }
}

/// What nodes say of a request or an answer beyond their limits.
const TOO_LARGE: &[&str] = &["too large", "too big", "response size", "batch"];
/// What nodes say of data that they have thrown away.
const PRUNED: &[&str] = &[
    "missing trie node",
    "pruned",
    "pruning",
    "historical state",
    "history unavailable",
    "state unavailable",
    "state is not available",
    "state not available",
];
/// What nodes say when they are asked too much.
const LIMITED: &[&str] =
    &["rate limit", "rate exceeded", "too many requests", "request limit", "credits limited"];
/// What nodes say of a method that they do not have, or do not let everyone have.
const NO_METHOD: &[&str] =
    &["does not exist", "not available", "not supported", "unsupported", "not enabled"];
/// What nodes say of a block that others already have: behind some URLs there are several nodes, not
/// all of them equally far.
const BEHIND: &[&str] = &["header not found", "block not found", "unknown block", "timed out"];

/// What an error of JSON-RPC means.
pub(super) fn of_payload<T>(endpoint: &Endpoint, payload: &ErrorPayload<T>) -> Trouble {
    let message = endpoint.clean(&payload.message);
    let lower = payload.message.to_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
    match payload.code {
        _ if says(TOO_LARGE) => Trouble::TooLarge { message },
        4444 => Trouble::Lasting(RpcFault::Pruned { message }),
        _ if says(PRUNED) => Trouble::Lasting(RpcFault::Pruned { message }),
        -32601 => Trouble::Lasting(RpcFault::NoMethod { message }),
        code if code == 429 || code == -32005 || says(LIMITED) => {
            Trouble::Passing { reason: message, is_limit: true, after: None }
        }
        _ if says(BEHIND) => Trouble::passing(message),
        _ if says(&["method", "trace_", "debug_", "eth_"]) && says(NO_METHOD) => {
            Trouble::Lasting(RpcFault::NoMethod { message })
        }
        code => Trouble::Lasting(RpcFault::Refused { code, message }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: i64, message: &'static str) -> Trouble {
        let endpoint = Endpoint::parse("http://localhost:8545", &["http"]).expect("a URL");
        let data: Option<()> = None;
        of_payload(&endpoint, &ErrorPayload { code, message: message.into(), data })
    }

    #[test]
    fn what_nodes_say_is_understood() {
        let lasting = |trouble| match trouble {
            Trouble::Lasting(fault) => fault,
            other => panic!("{other:?} is not lasting"),
        };
        for (code, message) in [
            (-32000, "missing trie node 0fc8 (path ) state 0x0fc8 is not available"),
            (4444, "pruned history unavailable"),
            (-32000, "required historical state unavailable (reexec=128)"),
            (-32000, "old data not available due to pruning"),
        ] {
            assert!(matches!(lasting(of(code, message)), RpcFault::Pruned { .. }), "{message}");
        }
        for (code, message) in [
            (-32601, "the method trace_block does not exist/is not available"),
            (-32600, "trace_block is not available on the Free tier"),
            (-32000, "Unsupported method: trace_block"),
        ] {
            assert!(matches!(lasting(of(code, message)), RpcFault::NoMethod { .. }), "{message}");
        }
        let refused = lasting(of(-32000, "genesis is not traceable"));
        assert!(matches!(refused, RpcFault::Refused { code: -32000, .. }));
        for (code, message) in [
            (-32005, "limit exceeded"),
            (429, "slow down"),
            (-32007, "100/second request limit reached"),
            (-32000, "Too Many Requests"),
        ] {
            let is_limit = matches!(of(code, message), Trouble::Passing { is_limit: true, .. });
            assert!(is_limit, "{message}");
        }
        for (code, message) in [
            (-32003, "response too large"),
            (-32600, "batch too large"),
            (-32008, "Response is too big"),
        ] {
            assert!(matches!(of(code, message), Trouble::TooLarge { .. }), "{message}");
        }
    }
}
