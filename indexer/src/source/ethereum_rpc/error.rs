//! What a node can do wrong, in words that say what to do about it.

use alloy_primitives::U256;

/// A node does not give what was asked of it.
#[derive(Debug, thiserror::Error)]
#[error("{url}, {method}{}: {fault}", .height.map(|height| format!(", block {height}")).unwrap_or_default())]
pub struct RpcError {
    /// The node: scheme, host and port of its URL. The rest of it may be secret.
    pub url: String,
    /// The method that was called.
    pub method: &'static str,
    /// The block that it was called for, if it was for one.
    pub height: Option<u64>,
    /// What is wrong.
    pub fault: RpcFault,
}

/// What is wrong with a node or with its answer. Texts of the node are cut short, and what is secret
/// in its URL is left out of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RpcFault {
    /// The text is no URL of a node.
    #[error(
        "this is no URL of a node ({reason}): give one that begins with http://, https://, ws:// \
         or wss://"
    )]
    BadUrl {
        /// Why.
        reason: String,
    },
    /// No answer, however often the node was asked.
    #[error(
        "no answer after {attempts} attempts ({reason}): is the node running, and is this its URL?"
    )]
    Unreachable {
        /// How often it was asked.
        attempts: u32,
        /// What went wrong the last time.
        reason: String,
    },
    /// The node is asked too much at once, however long the pauses.
    #[error(
        "the node refuses for too many requests, even after {attempts} attempts ({reason}): allow \
         fewer at once, or use another node"
    )]
    Limited {
        /// How often it was asked.
        attempts: u32,
        /// What it said the last time.
        reason: String,
    },
    /// The node wants to know who asks.
    #[error(
        "the node refuses access (HTTP status {status}): check the user, password or key in its URL"
    )]
    Denied {
        /// Status of HTTP.
        status: u16,
    },
    /// Another status of HTTP than success.
    #[error("the server answers with HTTP status {status} ('{start}'): is this the URL of a node?")]
    Status {
        /// Status of HTTP.
        status: u16,
        /// Beginning of what it sent.
        start: String,
    },
    /// A web page.
    #[error(
        "the answer is HTML, not JSON ('{start}'): this is the URL of a web page, or of a proxy \
         before the node; give that of the node's JSON-RPC"
    )]
    Html {
        /// Its beginning.
        start: String,
    },
    /// No answer of JSON-RPC.
    #[error(
        "the answer is not JSON-RPC ('{start}': {reason}): is this the URL of a node's JSON-RPC?"
    )]
    NotJson {
        /// Its beginning.
        start: String,
        /// Why it is none.
        reason: String,
    },
    /// The node does not have the method.
    #[error(
        "the node does not have this method ({message}): switch it on, or use another node or plan"
    )]
    NoMethod {
        /// What it said.
        message: String,
    },
    /// The node has thrown away what it needs for the answer.
    #[error(
        "the node no longer has what it needs for this ({message}): use an archive node, or begin \
         at a later block"
    )]
    Pruned {
        /// What it said.
        message: String,
    },
    /// The answer to a single request is too large.
    #[error("the answer is too large ({message}): raise the node's limit for answers")]
    TooLarge {
        /// What it said, or what was too much for us.
        message: String,
    },
    /// The node answers with an error of its own.
    #[error("the node answers with error {code}: {message}")]
    Refused {
        /// Code of the error.
        code: i64,
        /// What it said.
        message: String,
    },
    /// The node answers that there is no such thing.
    #[error(
        "the node has no {what} for it (it answers null): it may be still synchronising, or have \
         thrown it away; use one that has all blocks"
    )]
    Null {
        /// What was asked for: `block`, `receipts`, …
        what: &'static str,
    },
    /// A field is missing or is not what belongs there.
    #[error(
        "the {what} cannot be understood ({reason}): the node may be too old, or newer than this \
         program"
    )]
    Malformed {
        /// What was asked for.
        what: &'static str,
        /// What is wrong in it.
        reason: String,
    },
    /// A number that no valid block can hold.
    #[error("{field} is {value}, which is more than is valid there: the node's data is damaged")]
    NumberTooLarge {
        /// The field.
        field: &'static str,
        /// The number.
        value: U256,
    },
    /// Block, receipts and traces are not of the same block.
    #[error(
        "{what} of another block came each time it was asked for: nodes of different chains seem \
         to answer under this URL"
    )]
    Mixed {
        /// What was of another block.
        what: &'static str,
    },
}

impl RpcFault {
    /// The answer of the kind `what` is not as it should be.
    pub(super) fn malformed(what: &'static str, reason: impl ToString) -> RpcFault {
        RpcFault::Malformed { what, reason: reason.to_string() }
    }

    /// Whether asking again later may help.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            RpcFault::Unreachable { .. }
                | RpcFault::Limited { .. }
                | RpcFault::Null { .. }
                | RpcFault::Mixed { .. }
        )
    }
}
