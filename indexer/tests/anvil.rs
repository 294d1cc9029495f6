//! A real node: `anvil`, where it is installed (`ANVIL` names it, or it is on the path, or it is in
//! `target/tools`); else these tests are skipped with a printed line.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, address};
use arrow::array::AsArray;
use arrow::datatypes::Decimal128Type;
use assay_indexer::decode::Decode;
use assay_indexer::decode::ethereum::{Decoder, Rules};
use assay_indexer::raw::ethereum::RawBlock;
use assay_indexer::source::Source;
use assay_indexer::source::ethereum_rpc::{Retry, Rpc, RpcOptions};
use assay_model::Batch;
use serde_json::{Value, json};

/// Who gets ether from a contract only.
const HEIR: Address = address!("00000000000000000000000000000000000000ee");

/// A running node; it ends with the value.
struct Anvil {
    child: Child,
    host: String,
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // A wrapper passes this signal on to the node; it could not pass on its own death.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

fn program() -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/node_modules/.bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain([tools]);
    let named = std::env::var_os("ANVIL").map(PathBuf::from);
    named.or_else(|| dirs.map(|dir| dir.join("anvil")).find(|path| path.is_file()))
}

impl Anvil {
    /// Starts a node on a free port, if it is installed.
    fn start() -> Option<Anvil> {
        let Some(program) = program() else {
            let _ = writeln!(std::io::stderr(), "skipped: anvil is not installed");
            return None;
        };
        // The test's own client asks for it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut child = Command::new(program)
            .args(["--port", "0", "--accounts", "3"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("anvil starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let host = lines
            .find_map(|line| line.ok()?.strip_prefix("Listening on ").map(str::to_owned))
            .expect("anvil listens");
        // What it prints must go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Anvil { child, host })
    }

    async fn call(&self, method: &str, params: Value) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let request = reqwest::Client::new().post(format!("http://{}", self.host)).json(&body);
        let answer = request.send().await.expect("anvil answers").bytes().await.expect("a body");
        let mut answer: Value = serde_json::from_slice(&answer).expect("JSON");
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].take()
    }

    /// Sends a transaction, each in a block of its own, and returns its receipt.
    async fn send(&self, transaction: Value) -> Value {
        let hash = self.call("eth_sendTransaction", json!([transaction])).await;
        self.call("eth_getTransactionReceipt", json!([hash])).await
    }

    async fn blocks(&self, scheme: &str) -> (Rpc, Vec<RawBlock>) {
        let url = format!("{scheme}://{}", self.host);
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

/// Code of a contract that passes on to [`HEIR`] what it gets, and code that creates it.
fn passing_on() -> String {
    let runtime = format!("60006000600060003473{}5af100", alloy_primitives::hex::encode(HEIR));
    format!("0x602180600b6000396000f3{runtime}")
}

/// What [`HEIR`] gets by the rows of `batch`, wei.
fn inherited(batch: &Batch) -> i128 {
    let (_, flows) =
        batch.tables().find(|(table, _)| table.name == "value_flows").expect("a table");
    let heirs = flows.column_by_name("to_address").expect("a column").as_binary::<i32>();
    let values = flows.column_by_name("value").expect("a column");
    let values = values.as_primitive::<Decimal128Type>();
    let is_heir = |row: &usize| heirs.iter().nth(*row) == Some(Some(HEIR.as_slice()));
    (0..flows.num_rows()).filter(is_heir).map(|row| values.value(row)).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_real_node_tells_is_decoded() {
    let Some(anvil) = Anvil::start() else { return };
    let accounts = anvil.call("eth_accounts", json!([])).await;
    let (from, to) = (&accounts[0], &accounts[1]);
    for height in 0..40 {
        let mut transfer = json!({ "from": from, "to": to, "value": "0x64" });
        match height % 3 {
            0 => transfer["gasPrice"] = json!("0x77359400"),
            1 => {
                transfer["gasPrice"] = json!("0x77359400");
                transfer["accessList"] = json!([{ "address": to, "storageKeys": [] }]);
            }
            _ => {}
        }
        anvil.send(transfer).await;
    }
    let created = anvil.send(json!({ "from": from, "data": passing_on() })).await;
    let contract = &created["contractAddress"];
    for value in ["0x3e8", "0x7"] {
        let receipt = anvil.send(json!({ "from": from, "to": contract, "value": value })).await;
        assert_eq!(receipt["status"], "0x1");
    }

    let (rpc, blocks) = anvil.blocks("http").await;
    assert_eq!(rpc.network().chain_id, 31_337);
    assert!(rpc.has_traces());
    assert_eq!(blocks.len(), 44);
    let rules = Arc::new(Rules::of(rpc.network()));
    let decoder = Decoder { rules, genesis: None, with_traces: true };
    let batch = decoder.decode(&blocks).unwrap_or_else(|(_, error)| panic!("{error}"));
    let balance = anvil.call("eth_getBalance", json!([HEIR, "latest"])).await;
    assert_eq!(balance, "0x3ef");
    assert_eq!(inherited(&batch), 0x3ef);
    let rows = |name| {
        let mut tables = batch.tables();
        tables.find(|(table, _)| table.name == name).expect("a table").1.num_rows()
    };
    assert_eq!((rows("blocks"), rows("transactions"), rows("traces")), (44, 43, 45));

    // The same over a WebSocket.
    let (rpc, same) = anvil.blocks("ws").await;
    assert!(rpc.has_traces());
    for (one, other) in blocks.iter().zip(&same) {
        assert_eq!(one.block, other.block);
        assert_eq!((&one.bytes, &one.receipts), (&other.bytes, &other.receipts));
        assert_eq!((&one.senders, &one.traces), (&other.senders, &other.traces));
    }
    assert_eq!(blocks.len(), same.len());

    // When it is gone, nothing waits for it.
    let retry = Retry { attempts: 2, ..Retry::default() };
    let timeout = Duration::from_secs(5);
    let mut gone = Vec::new();
    for scheme in ["http", "ws"] {
        let url = format!("{scheme}://{}", anvil.host);
        let options = RpcOptions { retry, timeout, ..RpcOptions::new(url) };
        gone.push(Rpc::connect(options).await.expect("anvil answers"));
    }
    drop(anvil);
    for rpc in gone {
        let fetched = rpc.fetch(0..2).await;
        let shown = fetched.failure.expect("nobody is there").to_string();
        assert!(shown.contains("no answer after 2 attempts"), "{shown}");
    }
}
