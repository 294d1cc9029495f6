//! A Bitcoin node in the test's own process: it knows a chain, and answers as bitcoind does.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use assay_fixtures::bitcoin::golden;
use assay_fixtures::shared;
use assay_indexer::attempt::Attempt;
use assay_indexer::raw::bitcoin::RawBlock;
use assay_indexer::source::bitcoin_node::{BitcoinNode, NodeFault, NodeOptions};
use assay_indexer::source::{Retry, Source, SourceError};
use assay_indexer::wire::Header;
use assay_model::{BlockHash, Network, hex};
use serde_json::{Value, json};

use crate::mined;
use crate::server::{Reply, Request, Server};

/// Requests that connecting takes: the state of the chain, its first block, whether there is REST.
pub const CONNECTING: usize = 3;
/// The error of a height above the tip.
pub const NO_HEIGHT: (i64, &str) = (-8, "Block height out of range");
/// What is answered to a call: JSON, or an error.
pub type Told = Result<String, (i64, &'static str)>;
pub type Fetched = Attempt<Vec<RawBlock>, SourceError>;

/// What a node knows of a block.
#[derive(Clone)]
pub struct Known {
    pub hash: BlockHash,
    pub bytes: Vec<u8>,
    /// `getblockheader <hash>`.
    pub header: Value,
    /// `getblock <hash> 3`, in the node's own text.
    pub all: String,
}

/// A chain, and how a node tells it.
#[derive(Clone)]
pub struct Chain {
    /// The blocks of the best chain, by height.
    pub best: Vec<BlockHash>,
    /// All that are known.
    pub blocks: HashMap<BlockHash, Known>,
    /// Whether it serves REST.
    pub has_rest: bool,
    /// The most that it tells of a block: 3 with what it spends.
    pub verbosity: u64,
    /// Blocks below this height are thrown away.
    pub first_kept: u64,
}

/// The lines of a report of the golden chain's node, as they are.
fn golden_lines(report: &str) -> Vec<String> {
    let path = golden::dir().join(format!("{report}.jsonl.zst"));
    let text = shared::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    String::from_utf8(text).expect("text").lines().map(str::to_owned).collect()
}

impl Chain {
    /// The golden chain, as its node told it.
    pub fn golden() -> Chain {
        let (headers, blocks) = (golden_lines("blockheaders"), golden_lines("blocks_v3"));
        let known = headers.iter().zip(blocks).map(|(header, all)| {
            let header: Value = serde_json::from_str(header).expect("JSON");
            let hash = header["hash"].as_str().expect("text").parse().expect("a hash");
            Known { hash, bytes: assembled(&header, &all), header, all }
        });
        Chain::of(known.collect())
    }

    /// A chain of `length` blocks without anything in them, above the genesis block of regtest.
    pub fn made_up(length: u64) -> Chain {
        let genesis = golden_lines("blockheaders")[0].clone();
        let all = golden_lines("blocks_v3")[0].clone();
        let header: Value = serde_json::from_str(&genesis).expect("JSON");
        let bytes = assembled(&header, &all);
        let mut chain =
            Chain::of(vec![Known { hash: Network::Regtest.genesis(), bytes, header, all }]);
        chain.grow(length, 0);
        chain
    }

    fn of(known: Vec<Known>) -> Chain {
        let best = known.iter().map(|known| known.hash).collect();
        let blocks = known.into_iter().map(|known| (known.hash, known)).collect();
        Chain { best, blocks, has_rest: true, verbosity: 3, first_kept: 0 }
    }

    /// Adds as many made-up blocks as `count`, which differ from those with another `salt`.
    pub fn grow(&mut self, count: u64, salt: u8) {
        for _ in 0..count {
            let height = self.best.len() as u64;
            let known = made_up(height, *self.best.last().expect("a block"), salt);
            self.best.push(known.hash);
            self.blocks.insert(known.hash, known);
        }
    }

    /// Replaces all above `height` by as many made-up blocks as `count`.
    pub fn reorganise(&mut self, height: usize, count: u64, salt: u8) {
        self.best.truncate(height + 1);
        self.grow(count, salt);
    }

    pub fn info(&self) -> Value {
        let mut info = json!({
            "chain": "regtest", "blocks": self.best.len() - 1, "bestblockhash": self.best.last(),
            "initialblockdownload": false, "pruned": self.first_kept > 0, "size_on_disk": 134_253,
            "verificationprogress": 1,
        });
        if self.first_kept > 0 {
            info["pruneheight"] = json!(self.first_kept);
        }
        info
    }

    /// What is answered to a call.
    pub fn answer(&self, method: &str, params: &Value) -> Told {
        let known = || {
            let hash: BlockHash = params[0].as_str().expect("text").parse().expect("a hash");
            self.blocks.get(&hash).ok_or((-5, "Block not found"))
        };
        match method {
            "getblockchaininfo" => Ok(self.info().to_string()),
            "getbestblockhash" => Ok(json!(self.best.last()).to_string()),
            "getblockhash" => {
                let height = params[0].as_u64().expect("a height") as usize;
                self.best.get(height).map(|hash| json!(hash).to_string()).ok_or(NO_HEIGHT)
            }
            "getblockheader" => Ok(known()?.header.to_string()),
            "getblock" => {
                let known = known()?;
                if self.is_pruned(known) {
                    return Err((-1, "Block not available (pruned data)"));
                }
                match params[1].as_u64().expect("a number").min(self.verbosity) {
                    0 => Ok(json!(hex::encode(&known.bytes)).to_string()),
                    3 => Ok(known.all.clone()),
                    _ => Ok(known.all.replace("\"prevout\"", "\"nothing\"")),
                }
            }
            _ => Err((-32601, "Method not found")),
        }
    }

    fn is_pruned(&self, known: &Known) -> bool {
        known.header["height"].as_u64().expect("a height") < self.first_kept
    }

    /// What is answered to a request.
    pub fn reply(&self, request: &Request) -> Reply {
        if request.verb == "POST" {
            return respond(&request.body, |method, params| self.answer(method, params));
        }
        let hash = request.path.strip_prefix("/rest/block/");
        let hash = hash.and_then(|rest| rest.strip_suffix(".bin")).filter(|_| self.has_rest);
        match hash.and_then(|hash| self.blocks.get(&hash.parse().ok()?)) {
            Some(known) if self.is_pruned(known) => {
                let text = format!("{} not available (pruned data)\r\n", known.hash);
                Reply::Http(404, "", text)
            }
            Some(known) => Reply::Bytes(known.bytes.clone()),
            None => Reply::Http(404, "", String::new()),
        }
    }
}

/// A block put together from what a node tells of it: header and transactions.
fn assembled(header: &Value, all: &str) -> Vec<u8> {
    let block: Value = serde_json::from_str(all).expect("JSON");
    let number = |field: &str| header[field].as_u64().expect("a number") as u32;
    let hash = |field: &str| {
        let hash = header[field].as_str().map_or(Ok(BlockHash::default()), str::parse);
        hash.expect("a hash").to_wire()
    };
    let bits = header["bits"].as_str().expect("text");
    let bits = u32::from_str_radix(bits, 16).expect("a number");
    let transactions = block["tx"].as_array().expect("transactions");
    let mut bytes = number("version").to_le_bytes().to_vec();
    bytes.extend(hash("previousblockhash"));
    bytes.extend(hash("merkleroot"));
    bytes.extend([number("time"), bits, number("nonce")].map(u32::to_le_bytes).concat());
    assert!(transactions.len() < 0xfd, "their count is one byte");
    bytes.push(transactions.len() as u8);
    for transaction in transactions {
        let digits = transaction["hex"].as_str().expect("text");
        bytes.extend(hex::decode(digits).expect("hex"));
    }
    bytes
}

/// A block that holds nothing, as a node tells it.
fn made_up(height: u64, parent: BlockHash, salt: u8) -> Known {
    let bytes = mined::block(height, parent.to_wire(), &[salt]);
    let hash = BlockHash::from_wire(Header::hash_of(bytes.first_chunk().expect("a header")));
    let header = json!({
        "hash": hash, "height": height, "previousblockhash": parent, "mediantime": 1_700_000_000,
        "chainwork": format!("{:064x}", 2 * (height + 1)), "nTx": 1, "confirmations": 1,
    });
    let all = json!({ "hash": hash, "tx": [{ "vin": [{ "coinbase": "00" }] }] }).to_string();
    Known { hash, bytes, header, all }
}

/// Answers each of the calls of `body` as Bitcoin Core before 28 does, with result and error.
pub fn respond(body: &Value, method: impl Fn(&str, &Value) -> Told) -> Reply {
    let mut failed = false;
    let mut one = |call: &Value| {
        let told = method(call["method"].as_str().expect("a method"), &call["params"]);
        failed = told.is_err();
        let id = &call["id"];
        match told {
            Ok(result) => format!(r#"{{"result":{result},"error":null,"id":{id}}}"#),
            Err((code, message)) => {
                let error = json!({ "code": code, "message": message });
                format!(r#"{{"result":null,"error":{error},"id":{id}}}"#)
            }
        }
    };
    match body.as_array() {
        Some(calls) => {
            let answers: Vec<String> = calls.iter().map(one).collect();
            Reply::Http(200, "", format!("[{}]\n", answers.join(",")))
        }
        None => {
            let answer = one(body) + "\n";
            Reply::Http(if failed { 500 } else { 200 }, "", answer)
        }
    }
}

pub fn http(status: u16, body: &str) -> Reply {
    Reply::Http(status, "", body.to_owned())
}

/// How a node is asked in tests: at once, and not for long.
pub fn options(url: &str) -> NodeOptions {
    let retry = Retry {
        attempts: 3,
        first_pause: Duration::from_millis(2),
        longest_pause: Duration::from_millis(10),
    };
    NodeOptions { retry, timeout: Duration::from_secs(60), ..NodeOptions::new(url) }
}

/// Serves `chain`, which the test may change.
pub async fn serve(chain: Chain) -> (Server, Arc<Mutex<Chain>>) {
    let chain = Arc::new(Mutex::new(chain));
    let served = Arc::clone(&chain);
    let server = Server::start(move |_, request| {
        served.lock().expect("no test panics with the lock").reply(request)
    })
    .await;
    (server, chain)
}

/// Connects to the node at `url`, which must answer.
pub async fn connect(url: &str) -> BitcoinNode {
    BitcoinNode::connect(options(url)).await.expect("the node answers")
}

/// What is wrong, if it is the node.
pub fn fault(error: &SourceError) -> &NodeFault {
    match error {
        SourceError::Node(error) => &error.fault,
        other => panic!("{other} is no error of a node"),
    }
}

pub fn failure(fetched: &Fetched) -> &SourceError {
    fetched.failure.as_ref().expect("a failure")
}

/// The blocks of `heights`, all of which must come.
pub async fn fetch(node: &BitcoinNode, heights: std::ops::Range<u64>) -> Vec<RawBlock> {
    let Attempt { done, failure } = node.fetch(heights).await;
    assert!(failure.is_none(), "{}", failure.expect("one"));
    done
}
