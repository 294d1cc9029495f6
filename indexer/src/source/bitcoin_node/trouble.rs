//! What a failed request means: to be asked again, or an error.

use std::time::Duration;

use super::error::NodeFault;
use crate::source::endpoint::Endpoint;
use crate::source::http;

/// How much of what is no JSON is shown, characters.
const START_CHARS: usize = 80;
/// What a node says over REST while it starts, before what it is doing.
const REST_WARM_UP: &str = "Service temporarily unavailable: ";
/// The error of JSON-RPC while a node starts (`RPC_IN_WARMUP`).
const IN_WARM_UP: i64 = -28;
/// The error of JSON-RPC for a method that is not there.
const METHOD_NOT_FOUND: i64 = -32601;

/// Why a request has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It may have one soon.
    Passing {
        why: Passing,
        /// What is wrong.
        reason: String,
        /// The pause that the node wishes.
        after: Option<Duration>,
    },
    /// It will have one when the node has started.
    WarmUp {
        /// What the node is doing.
        message: String,
    },
    /// It never will.
    Lasting(NodeFault),
}

/// Why there may be a result soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passing {
    /// There was no answer, or none that could be read.
    NoAnswer,
    /// There were too many requests.
    Busy,
    /// The node does not have the block yet.
    NotYet,
}

impl Trouble {
    /// No answer that could be read.
    pub fn no_answer(reason: impl Into<String>) -> Trouble {
        Trouble::passing(Passing::NoAnswer, reason)
    }

    fn passing(why: Passing, reason: impl Into<String>) -> Trouble {
        Trouble::Passing { why, reason: reason.into(), after: None }
    }

    /// What is told of it after `attempts`, the first of them `waited` ago.
    pub fn into_fault(self, attempts: u32, waited: Duration) -> NodeFault {
        match self {
            Trouble::Passing { why, reason, .. } => match why {
                Passing::NoAnswer => NodeFault::Unreachable { attempts, reason },
                Passing::Busy => NodeFault::Busy { attempts, reason },
                Passing::NotYet => NodeFault::NotYet { attempts, message: reason },
            },
            Trouble::WarmUp { message } => {
                NodeFault::WarmingUp { seconds: waited.as_secs(), message }
            }
            Trouble::Lasting(fault) => fault,
        }
    }
}

/// What it means that there was no complete answer.
pub(super) fn of_http(endpoint: &Endpoint, error: reqwest::Error) -> Trouble {
    let is_ours = error.is_builder();
    let reason = endpoint.clean(&http::reason(error));
    // Nobody else will answer there the next time; nor has a system suddenly certificates.
    if is_ours || reason.contains("certificate") {
        return Trouble::Lasting(NodeFault::Unreachable { attempts: 1, reason });
    }
    Trouble::no_answer(reason)
}

/// What it means that `text` is no answer of JSON-RPC.
pub(super) fn of_text(endpoint: &Endpoint, error: &serde_json::Error, text: &str) -> Trouble {
    if http::is_html(text) {
        return Trouble::Lasting(NodeFault::Html { start: endpoint.cut(text, START_CHARS) });
    }
    if error.is_eof() {
        return Trouble::no_answer(format!("the answer ends after {} bytes", text.len()));
    }
    not_json(endpoint, text, &error.to_string())
}

/// What it means that `text` is no answer of JSON-RPC for `reason`.
pub(super) fn not_json(endpoint: &Endpoint, text: &str, reason: &str) -> Trouble {
    let (start, reason) = (endpoint.cut(text, START_CHARS), endpoint.clean(reason));
    Trouble::Lasting(NodeFault::NotJson { start, reason })
}

/// What a status of HTTP means that comes with `body`, which is no answer of JSON-RPC.
pub(super) fn of_status(
    endpoint: &Endpoint,
    status: u16,
    body: &str,
    after: Option<Duration>,
) -> Trouble {
    let busy = || {
        let said = endpoint.cut(body, START_CHARS);
        let reason =
            format!("HTTP status {status}{}{said}", if said.is_empty() { "" } else { ": " });
        Trouble::Passing { why: Passing::Busy, reason, after }
    };
    if let Some((_, doing)) = body.split_once(REST_WARM_UP) {
        return Trouble::WarmUp { message: endpoint.clean(doing) };
    }
    match status {
        // Said by bitcoind with this status, or by older ones with 500.
        503 | 429 => busy(),
        _ if body.contains("Work queue depth exceeded") => busy(),
        502 | 504 => Trouble::no_answer(format!("HTTP status {status}")),
        _ => {
            let start = endpoint.cut(body, START_CHARS);
            Trouble::Lasting(NodeFault::Status { status, start })
        }
    }
}

/// What nodes say of a block that they do not have yet. bitcoind has the last one for a block that
/// only others know: behind some URLs there are several nodes, not all of them equally far.
const NOT_YET: &[&str] = &["not fully downloaded", "not found on disk", "block not found"];

/// What an error of JSON-RPC means.
pub(super) fn of_error(endpoint: &Endpoint, code: i64, message: &str) -> Trouble {
    let shown = endpoint.clean(message);
    let lower = message.to_lowercase();
    match code {
        IN_WARM_UP => Trouble::WarmUp { message: shown },
        _ if lower.contains("pruned data") => {
            Trouble::Lasting(NodeFault::Pruned { first_kept: None })
        }
        _ if NOT_YET.iter().any(|phrase| lower.contains(phrase)) => {
            Trouble::passing(Passing::NotYet, shown)
        }
        _ if lower.contains("work queue depth exceeded") => Trouble::passing(Passing::Busy, shown),
        METHOD_NOT_FOUND => Trouble::Lasting(NodeFault::NoMethod { message: shown }),
        code => Trouble::Lasting(NodeFault::Refused { code, message: shown }),
    }
}
