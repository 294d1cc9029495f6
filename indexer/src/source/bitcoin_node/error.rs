//! What a Bitcoin node can do wrong, in words that say what to do about it.

use std::path::PathBuf;

use assay_model::{BlockHash, Network};

/// A node does not give what was asked of it.
#[derive(Debug, thiserror::Error)]
#[error("{url}, {method}{}: {fault}", .height.map(|height| format!(", block {height}")).unwrap_or_default())]
pub struct NodeError {
    /// The node: scheme, host and port of its URL. The rest of it may be secret.
    pub url: String,
    /// The method that was called, or the path of REST.
    pub method: &'static str,
    /// The block that it was called for, if it was for one.
    pub height: Option<u64>,
    /// What is wrong.
    pub fault: NodeFault,
}

/// What is wrong with a node or with its answer. Texts of the node are cut short, and what is secret
/// is left out of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeFault {
    /// The text is no URL of a node.
    #[error("this is no URL of a Bitcoin node ({reason}): give one such as http://127.0.0.1:8332")]
    BadUrl {
        /// Why.
        reason: String,
    },
    /// The text is no address of ZeroMQ.
    #[error(
        "this is no address of ZeroMQ ({reason}): give the one that bitcoind publishes blocks at \
         (zmqpubhashblock or zmqpubsequence), such as tcp://127.0.0.1:28332"
    )]
    BadZmq {
        /// Why.
        reason: String,
    },
    /// The cookie file is not there.
    #[error(
        "there is no cookie file {}: bitcoind writes it when it starts and removes it when it \
         ends; is the node running, and is this its data directory (that of a test network is a \
         folder in it)?", .path.display()
    )]
    NoCookie {
        /// The file.
        path: PathBuf,
    },
    /// A cookie or password file that cannot be used.
    #[error("cannot log in with {}: {reason}", .path.display())]
    BadLogin {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// No answer, however often the node was asked.
    #[error(
        "no answer after {attempts} attempts ({reason}): is the node running, with server=1, and \
         is this its URL?"
    )]
    Unreachable {
        /// How often it was asked.
        attempts: u32,
        /// What went wrong the last time.
        reason: String,
    },
    /// The node is asked too much at once, however long the pauses.
    #[error(
        "the node is too busy, even after {attempts} attempts ({reason}): allow fewer requests at \
         once, or raise its rpcworkqueue and rpcthreads"
    )]
    Busy {
        /// How often it was asked.
        attempts: u32,
        /// What it said the last time.
        reason: String,
    },
    /// The node is still starting.
    #[error(
        "the node is still starting, {seconds} seconds after it was first asked ('{message}'): run \
         again when it is done"
    )]
    WarmingUp {
        /// How long it was asked.
        seconds: u64,
        /// What it is doing.
        message: String,
    },
    /// The node wants to know who asks, or does not serve them.
    #[error("the node refuses access (HTTP status {status}): {hint}")]
    Denied {
        /// Status of HTTP.
        status: u16,
        /// What to do.
        hint: String,
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
    #[error("the node does not have this method ({message}): is it a Bitcoin node?")]
    NoMethod {
        /// What it said.
        message: String,
    },
    /// The node has thrown away the block.
    #[error(
        "the node has thrown the block away{}: begin there, or use a node that keeps all blocks \
         (prune=0)",
        .first_kept.map(|first| format!(", it is pruned and keeps blocks from {first} on"))
            .unwrap_or_default()
    )]
    Pruned {
        /// The first block that it still has, if it says so.
        first_kept: Option<u64>,
    },
    /// The node does not have the block yet.
    #[error(
        "the node does not have the block yet ('{message}'), even after {attempts} attempts: it is \
         still downloading, run again later"
    )]
    NotYet {
        /// How often it was asked.
        attempts: u32,
        /// What it said.
        message: String,
    },
    /// The answer is larger than is read.
    #[error("the answer is too large ({message}): allow larger answers")]
    TooLarge {
        /// What was too much.
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
    /// The node answers that there is nothing.
    #[error("the node answers null, which a Bitcoin node never does here: is it one?")]
    Null,
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
    /// A network that is not known.
    #[error("the node is in the network '{name}', which is none of Bitcoin's that are known here")]
    UnknownNetwork {
        /// Its name for it.
        name: String,
    },
    /// A chain that begins with another block than its network's.
    #[error(
        "its chain begins with the block {found}, that of {network} with {}: this is no node of \
         Bitcoin, but of a chain that goes by the same names", .network.genesis()
    )]
    OtherChain {
        /// The network that the node says it is in.
        network: Network,
        /// Its first block.
        found: BlockHash,
    },
    /// Another network than was asked for.
    #[error(
        "the node is in {found}, where {wanted} is expected: give the URL of another node, or the \
         right --network"
    )]
    OtherNetwork {
        /// The node's network.
        found: Network,
        /// The network that was asked for.
        wanted: Network,
    },
    /// Another block than was asked for.
    #[error("another block came ({found}): is there a cache before the node?")]
    OtherBlock {
        /// What came.
        found: BlockHash,
    },
    /// The chain changes faster than it can be asked for.
    #[error("the node's chain was reorganised while it was asked for its blocks: run again")]
    Reorganised,
}

impl NodeFault {
    /// The answer of the kind `what` is not as it should be.
    pub(super) fn malformed(what: &'static str, reason: impl ToString) -> NodeFault {
        NodeFault::Malformed { what, reason: reason.to_string() }
    }

    /// Whether the same may be had later, if nobody does anything but wait.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            NodeFault::NoCookie { .. }
                | NodeFault::Unreachable { .. }
                | NodeFault::Busy { .. }
                | NodeFault::WarmingUp { .. }
                | NodeFault::NotYet { .. }
                | NodeFault::Reorganised
        )
    }
}
