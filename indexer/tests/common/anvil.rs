//! A real node: `anvil`, where it is installed (`ANVIL` names it, or it is on the path, or it is in
//! `target/tools`); else the tests of it are skipped with a printed line.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use alloy_primitives::Address;
use assay_indexer::raw::ethereum::RawBlock;
use assay_indexer::source::Source;
use assay_indexer::source::ethereum_rpc::{Rpc, RpcOptions};
use serde_json::{Value, json};

/// How long the node may take to start, and for an answer: a busy machine needs a while.
const PATIENCE: Duration = Duration::from_secs(60);

/// Gas for any transaction of the tests.
const GAS: u64 = 5_000_000;

/// How long a test may take.
const LIMIT: Duration = Duration::from_secs(300);

/// Runs a test, but not for ever.
pub async fn bounded(test: impl Future<Output = ()>) {
    tokio::time::timeout(LIMIT, test).await.expect("tests on a node take seconds");
}

/// A running node; it ends with the value.
pub struct Anvil {
    child: Child,
    pub host: String,
    client: reqwest::Client,
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // A wrapper passes this signal on to the node; it could not pass on its own death.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// Says that a test is not run, and why.
pub fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// The program `name`: where `variable` says, on the path, or in one of `dirs`.
pub fn program(name: &str, variable: &str, dirs: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain(dirs.iter().cloned());
    let named = std::env::var_os(variable).map(PathBuf::from);
    named.or_else(|| dirs.map(|dir| dir.join(name)).find(|path| path.is_file()))
}

/// Where the packages of npm are that `.ci/run` installs.
pub fn node_modules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/node_modules")
}

impl Anvil {
    /// Starts a node with three accounts on a free port, if it is installed. It makes blocks only
    /// when it is told to.
    pub fn start(arguments: &[&str]) -> Option<Anvil> {
        let Some(program) = program("anvil", "ANVIL", &[node_modules().join(".bin")]) else {
            skipped("anvil is not installed");
            return None;
        };
        // The test's own client asks for it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(PATIENCE).build().expect("a client");
        let mut child = Command::new(program)
            .args(["--port", "0", "--accounts", "3", "--no-mining"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("anvil starts");
        let printed = child.stdout.take().expect("piped");
        let (tell, told) = mpsc::channel();
        // What it prints must go somewhere, as long as it runs.
        std::thread::spawn(move || {
            for line in BufReader::new(printed).lines().map_while(Result::ok) {
                if let Some(host) = line.strip_prefix("Listening on ") {
                    let _ = tell.send(host.to_owned());
                }
            }
        });
        // Made before it listens, so that it ends even if it never does.
        let mut anvil = Anvil { child, host: String::new(), client };
        anvil.host = told.recv_timeout(PATIENCE).expect("anvil listens");
        Some(anvil)
    }

    /// What the node answers to the request `body`.
    pub async fn post(&self, body: &Value) -> Value {
        post(&self.client, &self.host, body).await
    }

    /// A function that does the same as `post`, for a server of which the node is behind.
    pub fn poster(&self) -> impl AsyncFn(&Value) -> Value + Send + Sync + 'static {
        let (client, host) = (self.client.clone(), self.host.clone());
        async move |body: &Value| post(&client, &host, body).await
    }

    /// The results of `method` for each of `params`, or the errors.
    async fn answers(&self, method: &str, params: &[Value]) -> Vec<Result<Value, Value>> {
        let calls = params.iter().enumerate().map(|(id, params)| {
            json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
        });
        let mut answers = self.post(&calls.collect()).await;
        let answers = answers.as_array_mut().expect("as many answers as calls");
        answers.sort_by_key(|answer| answer["id"].as_u64());
        assert_eq!(answers.len(), params.len(), "{method}");
        let result = |answer: &mut Value| match answer["error"].take() {
            Value::Null => Ok(answer["result"].take()),
            error => Err(error),
        };
        answers.iter_mut().map(result).collect()
    }

    /// The results of `method` for each of `params`.
    pub async fn call_all(&self, method: &str, params: &[Value]) -> Vec<Value> {
        let result = |answer: Result<Value, Value>| {
            answer.unwrap_or_else(|error| panic!("{method}: {error}"))
        };
        self.answers(method, params).await.into_iter().map(result).collect()
    }

    /// The result of `method`.
    pub async fn call(&self, method: &str, params: Value) -> Value {
        self.call_all(method, &[params]).await.pop().expect("one answer")
    }

    /// What a call of `to` returns at the tip; `None` if it fails.
    pub async fn view(&self, to: Address, data: &[u8]) -> Option<Vec<u8>> {
        let call = json!({ "to": to, "data": alloy_primitives::hex::encode_prefixed(data) });
        let answer = self.answers("eth_call", &[json!([call, "latest"])]).await.pop();
        let result = answer.expect("one answer").ok()?;
        Some(alloy_primitives::hex::decode(result.as_str().expect("hex")).expect("hex"))
    }

    /// The accounts that the node signs for.
    pub async fn accounts(&self) -> Vec<Address> {
        let accounts = self.call("eth_accounts", json!([])).await;
        serde_json::from_value(accounts).expect("addresses")
    }

    /// Sends a transaction, and returns its hash.
    pub async fn submit(&self, mut transaction: Value) -> Value {
        if transaction["gas"].is_null() {
            transaction["gas"] = json!(format!("{GAS:#x}"));
        }
        self.call("eth_sendTransaction", json!([transaction])).await
    }

    /// Sends a transaction in a block of its own, and returns its receipt.
    pub async fn send(&self, transaction: Value) -> Value {
        self.send_together([transaction]).await.pop().expect("as many as were sent")
    }

    /// Sends transactions in one block, and returns their receipts.
    pub async fn send_together(&self, transactions: impl IntoIterator<Item = Value>) -> Vec<Value> {
        let mut hashes = Vec::new();
        for transaction in transactions {
            hashes.push(self.submit(transaction).await);
        }
        self.mine(hashes).await
    }

    /// Sends a signed transaction in a block of its own, and returns its receipt.
    pub async fn send_raw(&self, transaction: &[u8]) -> Value {
        let params = json!([alloy_primitives::hex::encode_prefixed(transaction)]);
        let hash = self.call("eth_sendRawTransaction", params).await;
        self.mine(vec![hash]).await.pop().expect("as many as were sent")
    }

    /// Makes a block of the transactions with the `hashes`, and returns their receipts.
    async fn mine(&self, hashes: Vec<Value>) -> Vec<Value> {
        self.call("evm_mine", json!([])).await;
        let params: Vec<Value> = hashes.into_iter().map(|hash| json!([hash])).collect();
        let receipts = self.call_all("eth_getTransactionReceipt", &params).await;
        let blocks = receipts.iter().map(|receipt| &receipt["blockHash"]);
        assert!(!receipts[0].is_null() && blocks.is_sorted_by(|one, other| one == other));
        receipts
    }

    /// All blocks of the node, read at `url`, which is one of its own or leads to it.
    pub async fn blocks(&self, url: &str) -> (Rpc, Vec<RawBlock>) {
        let rpc = Rpc::connect(RpcOptions::new(url)).await.expect("anvil answers");
        let tip = rpc.tip().await.expect("a tip").expect("at least genesis");
        let mut blocks = Vec::new();
        while blocks.len() as u64 <= tip.height {
            let start = blocks.len() as u64;
            let fetched = rpc.fetch(start..rpc.plan(start..tip.height + 1, 1)).await;
            assert!(fetched.failure.is_none(), "{:?}", fetched.failure);
            blocks.extend(fetched.done);
        }
        assert_eq!(blocks.last().map(|raw| raw.block), Some(tip));
        (rpc, blocks)
    }
}

async fn post(client: &reqwest::Client, host: &str, body: &Value) -> Value {
    let request = client.post(format!("http://{host}")).json(body);
    let answer = request.send().await.expect("anvil answers").bytes().await.expect("a body");
    serde_json::from_slice(&answer).expect("JSON")
}
