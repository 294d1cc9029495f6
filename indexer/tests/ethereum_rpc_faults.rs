//! Nodes that answer badly: what may pass is asked for again, all else is an error that says what
//! is wrong, where, and what to do.

#[path = "common/known.rs"]
mod known;
#[path = "common/node.rs"]
mod node;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use assay_indexer::attempt::Attempt;
use assay_indexer::raw::ethereum::RawBlock;
use assay_indexer::source::ethereum_rpc::{Rpc, RpcFault, RpcOptions};
use assay_indexer::source::{Source, SourceError};
use known::{Known, hash};
use node::{NO_METHOD, Node, Outcome, Reply, answer, calls, connect, fault, number, options};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Requests that connecting takes where no traces are wanted.
const CONNECTING: usize = 3;
/// How often nodes are asked in these tests.
const ATTEMPTS: usize = 3;

type Fetched = Attempt<Vec<RawBlock>, SourceError>;

/// Fetches blocks of a node of forty that answers `bad` to as many requests as `times`, and well
/// to all others. Says how many requests fetching took.
async fn fetch_after(
    times: usize,
    bad: impl Fn(&Value) -> Reply + Send + Sync + 'static,
) -> (Fetched, usize) {
    let known = Known::made_up(40);
    let node = Node::start(move |number, body| {
        match number.checked_sub(CONNECTING).is_some_and(|number| number < times) {
            true => bad(body),
            false => Reply::Json(answer(body, |name, params| known.answer(name, params))),
        }
    })
    .await;
    let options =
        RpcOptions { traces: false, timeout: Duration::from_millis(300), ..node.options() };
    let rpc = Rpc::connect(options).await.expect("the node answers");
    let fetched = rpc.fetch(0..8).await;
    (fetched, node.count() - CONNECTING)
}

/// Fetches blocks of a node of forty whose calls are answered by `method`, unless it has no answer.
async fn fetch_with(
    heights: std::ops::Range<u64>,
    method: impl Fn(&str, &Value) -> Option<Outcome> + Send + Sync + 'static,
) -> Fetched {
    let known = Known::made_up(40);
    let node = Node::start(move |_, body| {
        Reply::Json(answer(body, |name, params| {
            method(name, params).unwrap_or_else(|| known.answer(name, params))
        }))
    })
    .await;
    connect(&node).await.fetch(heights).await
}

fn http(status: u16, body: &str) -> Reply {
    Reply::Http(status, "", body.to_owned())
}

fn heights(fetched: &Fetched) -> Vec<u64> {
    fetched.done.iter().map(|raw| raw.block.height).collect()
}

fn failure(fetched: &Fetched) -> &SourceError {
    fetched.failure.as_ref().expect("a failure")
}

type Bad = fn(&Value) -> Reply;

/// The error with `code` for each call.
fn refuse(body: &Value, code: i64, message: &'static str) -> Reply {
    Reply::Json(answer(body, |_, _| Err((code, message))))
}

#[tokio::test]
async fn what_may_pass_is_asked_for_again() {
    let cases: &[(&str, Bad)] = &[
        ("closed", |_| Reply::Close),
        ("half", |body| Reply::Half(answer(body, |_, _| Ok(json!("0x"))))),
        ("cut", |_| http(200, r#"[{"jsonrpc": "2.0", "id": 3"#)),
        ("nothing", |_| http(200, "")),
        ("502", |_| http(502, "<html>bad gateway</html>")),
        ("503", |_| http(503, "")),
        ("504", |_| http(504, "")),
        ("429", |_| Reply::Http(429, "retry-after: 0\r\n", "slow down".to_owned())),
        ("-32005", |body| refuse(body, -32005, "limit exceeded")),
        ("rate", |body| refuse(body, -32000, "Rate limit reached")),
        ("one error", |_| {
            Reply::Json(json!({
                "jsonrpc": "2.0", "id": null, "error": { "code": 429, "message": "too many requests" },
            }))
        }),
        ("null", |body| Reply::Json(answer(body, |_, _| Ok(Value::Null)))),
        ("left out", |_| Reply::Json(json!([]))),
        ("silence", |_| Reply::Silence),
    ];
    for &(name, bad) in cases {
        let (fetched, _) = fetch_after(1, bad).await;
        assert_eq!(heights(&fetched), (0..8).collect::<Vec<_>>(), "{name}: {:?}", fetched.failure);
        let (fetched, _) = fetch_after(ATTEMPTS - 1, bad).await;
        assert!(fetched.failure.is_none(), "{name}: {:?}", fetched.failure);

        let (fetched, requests) = fetch_after(usize::MAX, bad).await;
        assert!(fetched.done.is_empty());
        assert_eq!(requests, ATTEMPTS, "{name}");
        let attempts = ATTEMPTS as u32;
        let is_named = match fault(failure(&fetched)) {
            RpcFault::Unreachable { attempts: done, .. } => *done == attempts,
            RpcFault::Limited { attempts: done, .. } => *done == attempts,
            RpcFault::Null { what } => name == "null" && *what == "block",
            _ => false,
        };
        assert!(is_named, "{name}: {}", failure(&fetched));
    }
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_not_read() {
    let long = || format!("\"{}\"", "0".repeat(100_000));
    let node = Node::start(move |_, _| Reply::Http(200, "", long())).await;
    let options = RpcOptions { answer_bytes: 99_999, ..node.options() };
    let error = Rpc::connect(options).await.expect_err("it is too large");
    assert!(matches!(fault(&error), RpcFault::TooLarge { .. }), "{error}");
    assert_eq!(node.count(), 1, "a single call cannot be cut in halves");
}

#[tokio::test]
async fn what_will_not_pass_is_an_error_at_once() {
    type Is = fn(&RpcFault) -> bool;
    let cases: &[(&str, Bad, Is)] = &[
        (
            "HTTP status 401",
            |_| http(401, "who are you?"),
            |fault| matches!(fault, RpcFault::Denied { status: 401 }),
        ),
        (
            "HTTP status 403",
            |_| http(403, "<html>"),
            |fault| matches!(fault, RpcFault::Denied { status: 403 }),
        ),
        (
            "HTTP status 404 ('no such page')",
            |_| http(404, "no such page"),
            |fault| matches!(fault, RpcFault::Status { status: 404, .. }),
        ),
        (
            "not JSON ('<!DOCTYPE html> <p>Welcome</p>')",
            |_| http(200, "<!DOCTYPE html>\n<p>Welcome</p>"),
            |fault| matches!(fault, RpcFault::Html { .. }),
        ),
        (
            "not JSON-RPC ('OK'",
            |_| http(200, "OK"),
            |fault| matches!(fault, RpcFault::NotJson { .. }),
        ),
        (
            "one came for a batch",
            |_| Reply::Json(json!({ "jsonrpc": "2.0", "id": 3, "result": "0x" })),
            |fault| matches!(fault, RpcFault::Malformed { .. }),
        ),
        (
            "does not have this method",
            |body| Reply::Json(answer(body, |_, _| NO_METHOD)),
            |fault| matches!(fault, RpcFault::NoMethod { .. }),
        ),
        (
            "error -32603: internal error",
            |body| refuse(body, -32603, "internal error"),
            |fault| matches!(fault, RpcFault::Refused { code: -32603, .. }),
        ),
    ];
    for (text, bad, is) in cases {
        let (fetched, requests) = fetch_after(usize::MAX, bad).await;
        let error = failure(&fetched);
        assert!(is(fault(error)), "{text}: {error}");
        let shown = error.to_string();
        assert!(shown.contains(text), "{shown}");
        assert!(shown.contains("eth_getBlockByNumber, block 0: "), "{shown}");
        assert_eq!(requests, 1, "{text}");
    }
}

#[tokio::test]
async fn an_error_for_one_call_is_that_blocks() {
    let fetched = fetch_with(0..8, |name, params| {
        let is_bad = name == "eth_getBlockReceipts" && params[0] == "0x5";
        is_bad.then_some(Err((4444, "pruned history unavailable")))
    })
    .await;
    assert_eq!(heights(&fetched), [0, 1, 2, 3, 4]);
    let shown = failure(&fetched).to_string();
    assert!(matches!(fault(failure(&fetched)), RpcFault::Pruned { .. }), "{shown}");
    assert!(shown.contains(", eth_getBlockReceipts, block 5: "), "{shown}");
    assert!(shown.contains("use an archive node"), "{shown}");
}

#[tokio::test]
async fn what_is_told_badly_is_named() {
    type Change = fn(&mut Value);
    let cases: &[(&str, &str, Change)] = &[
        ("eth_getBlockByNumber", "missing field `stateRoot`", |block| {
            block.as_object_mut().expect("an object").remove("stateRoot");
        }),
        ("eth_getBlockByNumber", "the block cannot be understood", |block| {
            block["transactions"][0] = block["transactions"][0]["hash"].clone();
        }),
        ("eth_getBlockByNumber", "it is block 9", |block| block["number"] = json!("0x9")),
        ("eth_getBlockByNumber", "its type 126 is not known", |block| {
            block["transactions"][0]["type"] = json!("0x7e");
        }),
        ("eth_getBlockByNumber", "its v is 29", |block| {
            block["transactions"][0]["v"] = json!("0x1d");
        }),
        ("eth_getBlockByNumber", "it has no maxFeePerGas", |block| {
            let transaction = &mut block["transactions"][0];
            transaction["type"] = json!("0x2");
            transaction["chainId"] = json!("0x1");
            transaction["maxPriorityFeePerGas"] = json!("0x1");
            transaction["yParity"] = json!("0x1");
        }),
        ("eth_getBlockReceipts", "the node has no receipts", |receipts| *receipts = Value::Null),
        ("eth_getBlockReceipts", "in their order", |receipts| *receipts = json!([])),
        ("eth_getBlockReceipts", "it has no status and no root", |receipts| {
            receipts[0].as_object_mut().expect("an object").remove("status");
        }),
        ("eth_getBlockReceipts", "receipts of another block came each time", |receipts| {
            receipts[0]["blockHash"] = json!(hash(77));
        }),
    ];
    for &(method, text, change) in cases {
        let known = Known::made_up(8);
        let fetched = fetch_with(0..8, move |name, params| {
            let is_bad = name == method && params[0] == "0x6";
            is_bad.then(|| {
                let mut told = known.answer(name, params)?;
                change(&mut told);
                Ok(told)
            })
        })
        .await;
        assert_eq!(heights(&fetched), (0..6).collect::<Vec<_>>(), "{text}");
        let shown = failure(&fetched).to_string();
        assert!(shown.contains(text), "{text}: {shown}");
        assert!(shown.contains(&format!(", {method}, block 6: ")), "{shown}");
    }
}

#[tokio::test]
async fn a_chain_that_changes_meanwhile_is_asked_for_again() {
    let known = Known::made_up(8);
    let node = Node::start(move |at, body| {
        Reply::Json(answer(body, |name, params| {
            let mut told = known.answer(name, params)?;
            if name == "eth_getBlockReceipts" && at < 6 && number(&params[0]) == 6 {
                told[0]["blockHash"] = json!(hash(77));
            }
            Ok(told)
        }))
    })
    .await;
    let fetched = connect(&node).await.fetch(0..8).await;
    assert!(fetched.failure.is_none(), "{:?}", fetched.failure);
    assert_eq!(heights(&fetched).len(), 8);
}

#[tokio::test]
async fn what_is_too_large_is_asked_for_in_parts() {
    const MOST: usize = 3;
    let too_large: &[Bad] = &[
        |_| http(413, "payload too large"),
        |body| refuse(body, -32003, "response too large"),
        |_| {
            Reply::Json(json!({
                "jsonrpc": "2.0", "id": null, "error": { "code": -32600, "message": "batch too large" },
            }))
        },
    ];
    for &bad in too_large {
        let known = Known::made_up(40);
        let node = Node::start(move |_, body| match body.as_array().map_or(1, Vec::len) {
            0..=MOST => Reply::Json(answer(body, |name, params| known.answer(name, params))),
            _ => bad(body),
        })
        .await;
        let fetched = connect(&node).await.fetch(0..32).await;
        assert!(fetched.failure.is_none(), "{:?}", fetched.failure);
        assert_eq!(heights(&fetched), (0..32).collect::<Vec<_>>());

        let (fetched, _) = fetch_after(usize::MAX, bad).await;
        assert!(matches!(fault(failure(&fetched)), RpcFault::TooLarge { .. }));
    }
}

#[tokio::test]
async fn methods_are_those_that_the_node_has() {
    let mut known = Known::made_up(3);
    known.is_single = true;
    let without_traces = known.clone();
    let node = Node::start(move |_, body| {
        Reply::Json(answer(body, |name, params| without_traces.answer(name, params)))
    })
    .await;
    let rpc = connect(&node).await;
    assert!(!rpc.has_traces());
    assert_eq!(rpc.network(), assay_model::ethereum::Network::MAINNET);
    let fetched = rpc.fetch(0..3).await;
    assert!(fetched.failure.is_none(), "{:?}", fetched.failure);
    assert!(fetched.done.iter().all(|raw| raw.traces.is_none()));
    assert_eq!(rpc.tip().await.expect("a tip"), fetched.done.last().map(|raw| raw.block));
    assert_eq!(rpc.block_at(1).await.expect("a block"), Some(fetched.done[1].block));
    assert_eq!(rpc.block_at(3).await.expect("no block"), None);

    let frame = |gas: &str| {
        let from = alloy_primitives::Address::ZERO;
        json!([{ "result": { "type": "CALL", "from": from, "to": from, "gas": gas } }])
    };
    known.frames = [(1, frame("0x1")), (2, frame("0x1ffffffffffffffff"))].into();
    let node = Node::start(move |_, body| {
        Reply::Json(answer(body, |name, params| known.answer(name, params)))
    })
    .await;
    let rpc = connect(&node).await;
    assert!(rpc.has_traces());
    let fetched = rpc.fetch(0..3).await;
    let counts: Vec<_> = fetched.done.iter().map(|raw| raw.traces.as_ref().map(Vec::len)).collect();
    assert_eq!(counts, [Some(0), Some(1)]);
    let shown = failure(&fetched).to_string();
    assert!(shown.contains("debug_traceBlockByNumber, block 2: gas is 36893488147419103231"));
    let traced = node.requests.lock().expect("no test panics with the lock");
    assert!(traced.iter().any(|body| calls(body, "debug_traceBlockByNumber")));
}

#[tokio::test]
async fn calls_nested_beyond_reason_are_an_error() {
    let mut known = Known::made_up(2);
    let from = alloy_primitives::Address::ZERO;
    let open = format!(r#"{{"type":"CALL","from":"{from}","to":"{from}","gas":"0x1","calls":["#);
    let tree = format!("{}{}", open.repeat(1100), "]}".repeat(1100));
    known.frames.insert(1, json!([]));
    let node = Node::start(move |_, body| {
        if calls(body, "debug_traceBlockByNumber") && body["params"][0] == "0x1" {
            let id = &body["id"];
            let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":[{{"result":{tree}}}]}}"#);
            return Reply::Http(200, "", answer);
        }
        Reply::Json(answer(body, |name, params| known.answer(name, params)))
    })
    .await;
    let fetched = connect(&node).await.fetch(0..2).await;
    let shown = failure(&fetched).to_string();
    assert!(shown.contains("nested deeper than is possible"), "{shown}");
}

/// The places of all values in `value`, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), found));
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(place, item)| places(item, &format!("{at}/{place}"), found));
        }
        _ => {}
    }
}

#[tokio::test]
async fn whatever_a_node_tells_it_does_not_panic() {
    let odd = [
        Value::Null,
        json!(-1),
        json!(1e300),
        json!("0x"),
        json!("0xé"),
        json!(format!("0x{}", "f".repeat(64))),
        json!([[]]),
        json!({}),
    ];
    let zero = alloy_primitives::Address::ZERO;
    let call = json!({
        "type": "CALL", "from": zero, "to": zero, "gas": "0x1", "value": "0x1", "gasUsed": "0x1",
        "input": "0x", "output": "0x", "error": "e", "revertReason": "r", "calls": [],
    });
    let step = json!({
        "type": "call", "traceAddress": [0], "subtraces": 0, "transactionPosition": 0,
        "blockHash": hash(1), "error": "e", "result": { "gasUsed": "0x1", "output": "0x" },
        "action": { "callType": "call", "from": zero, "to": zero, "value": "0x1", "gas": "0x1" },
    });
    let mut with_steps = Known::made_up(2);
    let mut block = with_steps.blocks[&1].clone();
    block["withdrawals"] =
        json!([{ "index": "0x0", "validatorIndex": "0x0", "address": zero, "amount": "0x0" }]);
    block["transactions"][0]["type"] = json!("0x4");
    for field in ["chainId", "maxFeePerGas", "maxPriorityFeePerGas", "yParity"] {
        block["transactions"][0][field] = json!("0x1");
    }
    block["transactions"][0]["accessList"] = json!([{ "address": zero, "storageKeys": [] }]);
    block["transactions"][0]["authorizationList"] = json!([{
        "chainId": "0x1", "address": zero, "nonce": "0x0", "yParity": "0x0", "r": "0x1", "s": "0x1",
    }]);
    with_steps.receipts.get_mut(&1).expect("receipts")[0]["logs"] =
        json!([{ "address": zero, "topics": [hash(1)], "data": "0x" }]);
    with_steps.blocks.insert(1, block);
    let mut with_frames = with_steps.clone();
    with_steps.traces.insert(1, json!([step]));
    with_frames.frames.insert(1, json!([{ "txHash": hash(1001), "result": call }]));
    for (known, traces) in [(with_steps, "trace_block"), (with_frames, "debug_traceBlockByNumber")]
    {
        // What is told now, and where it is odd.
        let now: Arc<Mutex<Option<(&str, Value)>>> = Arc::default();
        let (told, set) = (known.clone(), Arc::clone(&now));
        let node = Node::start(move |_, body| {
            let now = now.lock().expect("no test panics with the lock").clone();
            Reply::Json(answer(body, |name, params| match &now {
                Some((method, odd)) if *method == name => Ok(odd.clone()),
                _ => told.answer(name, params),
            }))
        })
        .await;
        let rpc = connect(&node).await;
        let fetched = rpc.fetch(1..2).await;
        assert!(fetched.failure.is_none(), "{:?}", fetched.failure);
        for method in ["eth_getBlockByNumber", "eth_getBlockReceipts", traces] {
            let told = known.answer(method, &json!(["0x1"])).expect("a result");
            let mut found = Vec::new();
            places(&told, "", &mut found);
            for place in found {
                for odd in &odd {
                    let mut changed = told.clone();
                    *changed.pointer_mut(&place).expect("it is there") = odd.clone();
                    let changed = Some((method, changed));
                    *set.lock().expect("no test panics with the lock") = changed;
                    let fetched = rpc.fetch(1..2).await;
                    if let Some(error) = fetched.failure {
                        assert!(error.to_string().contains(", block 1: "), "{place}: {error}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn no_message_shows_what_is_secret() {
    let known = Known::made_up(1);
    let node = Node::start(move |number, body| match number {
        0..CONNECTING => Reply::Json(answer(body, |name, params| known.answer(name, params))),
        _ => http(404, "no project 0123456789abcdef for secretuser"),
    })
    .await;
    let login = node.url.replace("http://", "http://secretuser:secretword@");
    let url = format!("{login}/v3/0123456789abcdef?apikey=fedcba9876543210");
    let reachable = RpcOptions { traces: false, ..options(&url) };
    let rpc = Rpc::connect(reachable).await.expect("the node answers");
    let found = rpc.tip().await.expect_err("no page");
    assert!(matches!(fault(&found), RpcFault::Status { status: 404, .. }));

    // Where nobody listens any more.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let free = listener.local_addr().expect("bound").to_string();
    drop(listener);
    let url = url.replace(node.url.trim_start_matches("http://"), &free);
    let refused = Rpc::connect(options(&url)).await.expect_err("nobody is there");
    assert!(matches!(fault(&refused), RpcFault::Unreachable { attempts: 3, .. }), "{refused}");
    let socket = url.replace("http://", "ws://");
    let closed = Rpc::connect(options(&socket)).await.expect_err("nobody is there");
    assert!(matches!(fault(&closed), RpcFault::Unreachable { .. }), "{closed}");
    let other = Rpc::connect(options("ftp://secretuser:secretword@host")).await.expect_err("ftp");
    assert!(matches!(fault(&other), RpcFault::BadUrl { .. }), "{other}");
    for error in [found, refused, closed, other] {
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(!shown.contains("secret"), "{shown}");
            assert!(!shown.contains("cdef") && !shown.contains("fedc"), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_node_without_what_its_url_says_is_named() {
    let node = Node::start(|_, body| refuse(body, 0, "")).await;
    for scheme in ["https", "wss", "ws"] {
        let url = node.url.replace("http", scheme);
        let options = RpcOptions { timeout: Duration::from_millis(300), ..options(&url) };
        let error = Rpc::connect(options).await.expect_err("it speaks HTTP");
        assert!(matches!(fault(&error), RpcFault::Unreachable { attempts: 3, .. }), "{error}");
        assert!(error.to_string().starts_with(&format!("{url}, eth_chainId: ")), "{error}");
    }
}
