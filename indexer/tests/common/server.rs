//! A small HTTP server in the test's own process, that answers as a test tells it to.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is sent back for a request.
pub enum Reply {
    /// A status, further headers, and a body.
    Http(u16, &'static str, String),
    /// Bytes with status 200.
    Bytes(Vec<u8>),
    /// JSON with status 200.
    Json(Value),
    /// Half of the JSON; then the connection is closed.
    Half(Value),
    /// Nothing: the connection is closed.
    Close,
    /// Nothing, and the connection stays open.
    Silence,
}

/// What is asked.
pub struct Request {
    /// `POST` or `GET`.
    pub verb: String,
    pub path: String,
    /// What it says of who asks.
    pub authorization: Option<String>,
    /// Null if it is no JSON.
    pub body: Value,
}

type Handler = dyn Fn(usize, &Request) -> Reply + Send + Sync;

/// A running server; it ends with the value.
pub struct Server {
    pub url: String,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Starts a server. `handler` is told how many requests there were before, and the next.
    pub async fn start(
        handler: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let handler: Arc<Handler> = Arc::new(handler);
        let count = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&handler), Arc::clone(&count)));
            }
        });
        Server { url, task }
    }
}

async fn serve(mut stream: TcpStream, handler: Arc<Handler>, count: Arc<AtomicUsize>) {
    const JSON: &str = "content-type: application/json\r\n";
    while let Some(request) = request(&mut stream).await {
        let number = count.fetch_add(1, Ordering::SeqCst);
        let (status, headers, body, part) = match handler(number, &request) {
            Reply::Http(status, headers, body) => (status, headers, body.into_bytes(), 1),
            Reply::Bytes(body) => (200, "", body, 1),
            Reply::Json(body) => (200, JSON, body.to_string().into_bytes(), 1),
            Reply::Half(body) => (200, JSON, body.to_string().into_bytes(), 2),
            Reply::Close => return,
            Reply::Silence => std::future::pending().await,
        };
        let sent = body.len() / part;
        let head =
            format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len());
        let bytes = [head.as_bytes(), &body[..sent]].concat();
        if stream.write_all(&bytes).await.is_err() || sent < body.len() {
            return;
        }
    }
}

/// The next request.
async fn request(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let field = |name: &str| {
                let fields = head.lines().filter_map(|line| line.split_once(": "));
                let mut named = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
                named.next().map(|(_, value)| value.trim().to_owned())
            };
            let length = field("content-length").map_or(Some(0), |text| text.parse().ok())?;
            if bytes.len() >= end + 4 + length {
                let mut words = head.split(' ').map(str::to_owned);
                let (verb, path) = (words.next()?, words.next()?);
                let body = serde_json::from_slice(&bytes[end + 4..end + 4 + length]);
                let body = body.unwrap_or(Value::Null);
                return Some(Request { verb, path, authorization: field("authorization"), body });
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
