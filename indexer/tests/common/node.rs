//! A node in the test's own process: a small server that answers as a test tells it to.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use assay_indexer::source::SourceError;
use assay_indexer::source::ethereum_rpc::{Retry, Rpc, RpcFault, RpcOptions};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is sent back for a request.
pub enum Reply {
    /// A status, further headers, and a body.
    Http(u16, &'static str, String),
    /// JSON with status 200.
    Json(Value),
    /// Half of the JSON; then the connection is closed.
    Half(Value),
    /// Nothing: the connection is closed.
    Close,
    /// Nothing, and the connection stays open.
    Silence,
}

type Handler = dyn Fn(usize, &Value) -> Reply + Send + Sync;

/// A running server; it ends with the value.
pub struct Node {
    pub url: String,
    /// The bodies of all requests so far.
    pub requests: Arc<Mutex<Vec<Value>>>,
    task: JoinHandle<()>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Node {
    /// Starts a server. `handler` is told how many requests there were before, and the body.
    pub async fn start(handler: impl Fn(usize, &Value) -> Reply + Send + Sync + 'static) -> Node {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let handler: Arc<Handler> = Arc::new(handler);
        let count = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (handler, seen) = (Arc::clone(&handler), Arc::clone(&seen));
                tokio::spawn(serve(stream, handler, seen, Arc::clone(&count)));
            }
        });
        Node { url, requests, task }
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

async fn serve(
    mut stream: TcpStream,
    handler: Arc<Handler>,
    seen: Arc<Mutex<Vec<Value>>>,
    count: Arc<AtomicUsize>,
) {
    while let Some(body) = request(&mut stream).await {
        let number = count.fetch_add(1, Ordering::SeqCst);
        let reply = handler(number, &body);
        seen.lock().expect("no test panics with the lock").push(body);
        let (status, headers, body, sent) = match reply {
            Reply::Http(status, headers, body) => {
                let sent = body.len();
                (status, headers, body, sent)
            }
            Reply::Json(body) => {
                let body = body.to_string();
                let sent = body.len();
                (200, "content-type: application/json\r\n", body, sent)
            }
            Reply::Half(body) => {
                let body = body.to_string();
                let sent = body.len() / 2;
                (200, "content-type: application/json\r\n", body, sent)
            }
            Reply::Close => return,
            Reply::Silence => std::future::pending().await,
        };
        let head =
            format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len());
        let bytes = [head.as_bytes(), &body.as_bytes()[..sent]].concat();
        if stream.write_all(&bytes).await.is_err() || sent < body.len() {
            return;
        }
    }
}

/// The body of the next request.
async fn request(stream: &mut TcpStream) -> Option<Value> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"))?;
            let length: usize = length.trim().parse().ok()?;
            if bytes.len() >= end + 4 + length {
                return serde_json::from_slice(&bytes[end + 4..end + 4 + length]).ok();
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// What a method gives: a result, or an error.
pub type Outcome = Result<Value, (i64, &'static str)>;

/// The answer to the request `body`, each of whose calls `method` answers.
pub fn answer(body: &Value, method: impl Fn(&str, &Value) -> Outcome) -> Value {
    let one = |call: &Value| {
        let mut answer = json!({ "jsonrpc": "2.0", "id": call["id"] });
        match method(call["method"].as_str().expect("a method"), &call["params"]) {
            Ok(result) => answer["result"] = result,
            Err((code, message)) => answer["error"] = json!({ "code": code, "message": message }),
        }
        answer
    };
    match body {
        Value::Array(calls) => calls.iter().map(one).collect(),
        call => one(call),
    }
}

/// Whether one of the calls of `body` is of `method`.
pub fn calls(body: &Value, method: &str) -> bool {
    match body {
        Value::Array(calls) => calls.iter().any(|call| call["method"] == method),
        call => call["method"] == method,
    }
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
