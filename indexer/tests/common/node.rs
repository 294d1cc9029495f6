//! A node in the test's own process: a small server that answers as a test tells it to.
#![allow(dead_code, unused_imports, reason = "each test file uses its part")]

#[path = "server.rs"]
mod server;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use assay_indexer::source::SourceError;
use assay_indexer::source::ethereum_rpc::{Retry, Rpc, RpcFault, RpcOptions};
use serde_json::Value;

use self::server::Server;
pub use self::server::{Outcome, Reply, answer, calls};

/// A running server; it ends with the value.
pub struct Node {
    pub url: String,
    /// The bodies of all requests so far.
    pub requests: Arc<Mutex<Vec<Value>>>,
    _server: Server,
}

impl Node {
    /// Starts a server. `handler` is told how many requests there were before, and the body.
    pub async fn start(handler: impl Fn(usize, &Value) -> Reply + Send + Sync + 'static) -> Node {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let server = Server::start(move |number, request| {
            let reply = handler(number, &request.body);
            seen.lock().expect("no test panics with the lock").push(request.body.clone());
            reply
        })
        .await;
        Node { url: server.url.clone(), requests, _server: server }
    }

    /// The number of requests so far.
    pub fn count(&self) -> usize {
        self.requests.lock().expect("no test panics with the lock").len()
    }

    /// How this node is asked in tests: at once, and not for long.
    pub fn options(&self) -> RpcOptions {
        options(&self.url)
    }
}

/// How nodes are asked in tests: at once, and not for long.
pub fn options(url: &str) -> RpcOptions {
    let retry = Retry {
        attempts: 3,
        first_pause: Duration::from_millis(2),
        longest_pause: Duration::from_millis(10),
    };
    RpcOptions { retry, timeout: Duration::from_secs(60), ..RpcOptions::new(url) }
}

/// The number that `quantity` writes.
pub fn number(quantity: &Value) -> u64 {
    let digits = quantity.as_str().and_then(|text| text.strip_prefix("0x")).expect("a quantity");
    u64::from_str_radix(digits, 16).expect("a number")
}

/// What a node answers that does not have a method.
pub const NO_METHOD: Outcome = Err((-32601, "the method does not exist/is not available"));

/// What is wrong, if it is the node.
pub fn fault(error: &SourceError) -> &RpcFault {
    match error {
        SourceError::Rpc(error) => &error.fault,
        other => panic!("{other} is no error of a node"),
    }
}

/// Connects to `node`, which must answer.
pub async fn connect(node: &Node) -> Rpc {
    Rpc::connect(node.options()).await.expect("the node answers")
}
