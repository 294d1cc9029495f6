//! Bitcoin nodes that answer badly: what may pass is asked for again, all else is an error that says
//! what is wrong, where, and what to do.

#[path = "common/bitcoind.rs"]
mod bitcoind;
#[path = "common/mined.rs"]
mod mined;
#[path = "common/server.rs"]
mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use assay_indexer::source::Source;
use assay_indexer::source::bitcoin_node::{BitcoinNode, NodeFault, NodeOptions};
use bitcoind::{
    CONNECTING, Chain, Fetched, NO_HEIGHT, Told, connect, failure, fault, fetch, http, options,
    respond, serve,
};
use serde_json::{Value, json};
use server::{Reply, Request, Server};

/// How often nodes are asked in these tests.
const ATTEMPTS: usize = 3;

type Bad = fn(&Request) -> Reply;

/// The error with `code` for each call.
fn refuse(request: &Request, code: i64, message: &'static str) -> Reply {
    respond(&request.body, |_, _| Err((code, message)))
}

/// A node of forty blocks, without REST, that answers `bad` to as many requests as `times` once it
/// is connected to. Says how many requests there were then.
async fn bad_node(
    times: usize,
    bad: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> (Server, BitcoinNode, Arc<AtomicUsize>) {
    let chain = Chain { has_rest: false, ..Chain::made_up(40) };
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let server = Server::start(move |number, request| {
        let Some(number) = number.checked_sub(CONNECTING) else { return chain.reply(request) };
        counted.fetch_add(1, Ordering::SeqCst);
        if number < times { bad(request) } else { chain.reply(request) }
    })
    .await;
    let options = NodeOptions {
        timeout: Duration::from_millis(300),
        warm_up: Duration::from_secs(60),
        ..options(&server.url)
    };
    let node = BitcoinNode::connect(options).await.expect("the node answers");
    (server, node, count)
}

/// Fetches blocks of such a node. Says how many requests that took.
async fn fetch_after(
    times: usize,
    bad: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> (Fetched, usize) {
    let (_server, node, count) = bad_node(times, bad).await;
    let fetched = node.fetch(0..8).await;
    (fetched, count.load(Ordering::SeqCst))
}

/// Fetches blocks of a node whose calls are answered by `method`, unless it has no answer.
async fn fetch_with(
    chain: Chain,
    method: impl Fn(&str, &Value) -> Option<Told> + Send + Sync + 'static,
) -> Fetched {
    let server = Server::start(move |_, request| match request.verb.as_str() {
        "POST" => respond(&request.body, |name, params| {
            method(name, params).unwrap_or_else(|| chain.answer(name, params))
        }),
        _ => chain.reply(request),
    })
    .await;
    connect(&server.url).await.fetch(100..130).await
}

#[tokio::test]
async fn what_may_pass_is_asked_for_again() {
    let cases: &[(&str, Bad)] = &[
        ("closed", |_| Reply::Close),
        ("half", |_| Reply::Half(json!([{ "result": "00", "error": null, "id": 3 }]))),
        ("cut", |_| http(200, r#"[{"result": "00", "id": 3"#)),
        ("nothing", |_| http(200, "")),
        ("502", |_| http(502, "<html>bad gateway</html>")),
        ("504", |_| http(504, "")),
        ("503", |_| http(503, "Work queue depth exceeded")),
        ("queue", |_| http(500, "Work queue depth exceeded")),
        ("429", |_| Reply::Http(429, "retry-after: 0\r\n", "slow down".to_owned())),
        ("left out", |_| Reply::Json(json!([]))),
        ("other id", |_| Reply::Json(json!([{ "result": "00", "error": null, "id": 999 }]))),
        ("no id", |_| Reply::Json(json!([{ "result": "00", "error": null, "id": null }]))),
        ("not yet", |request| refuse(request, -1, "Block not available (not fully downloaded)")),
        ("not on disk", |request| refuse(request, -1, "Block not found on disk")),
        ("silence", |_| Reply::Silence),
    ];
    for &(name, bad) in cases {
        let (fetched, _) = fetch_after(1, bad).await;
        assert_eq!(fetched.done.len(), 8, "{name}: {:?}", fetched.failure);
        let (fetched, _) = fetch_after(ATTEMPTS - 1, bad).await;
        assert!(fetched.failure.is_none(), "{name}: {:?}", fetched.failure);

        let (fetched, requests) = fetch_after(usize::MAX, bad).await;
        assert!(fetched.done.is_empty());
        assert_eq!(requests, ATTEMPTS, "{name}");
        let error = failure(&fetched);
        let attempts = ATTEMPTS as u32;
        let (is_named, text) = match fault(error) {
            NodeFault::Busy { attempts: done, .. } => (*done == attempts, "rpcworkqueue"),
            NodeFault::NotYet { attempts: done, .. } => (*done == attempts, "run again later"),
            NodeFault::Unreachable { attempts: done, .. } => {
                (*done == attempts, "is the node running")
            }
            _ => (false, ""),
        };
        assert!(is_named, "{name}: {error}");
        assert_eq!(matches!(name, "503" | "queue" | "429"), text == "rpcworkqueue", "{error}");
        assert_eq!(name.starts_with("not "), text == "run again later", "{error}");
        assert!(error.is_passing(), "{error}");
        let shown = error.to_string();
        assert!(shown.contains(text) && shown.contains(", getblockhash, block 0: "), "{shown}");
    }
}

#[tokio::test]
async fn a_single_call_is_answered_by_its_own_id() {
    let (_server, node, _) =
        bad_node(1, |_| Reply::Json(json!({ "result": "00", "id": 99 }))).await;
    assert_eq!(node.tip().await.expect("an answer").map(|tip| tip.height), Some(40));
    let always = usize::MAX;
    let (_server, node, _) =
        bad_node(always, |_| Reply::Json(json!({ "result": "00", "id": "x" }))).await;
    let error = node.tip().await.expect_err("another call's");
    assert!(error.to_string().contains("the answer is one to another call"), "{error}");
}

#[tokio::test]
async fn a_node_that_starts_is_waited_for() {
    let warm_up: Bad = |request| match request.verb.as_str() {
        "POST" => refuse(request, -28, "Loading block index…"),
        _ => http(503, "Service temporarily unavailable: Loading block index…"),
    };
    // More often than anything else is asked for again.
    let (fetched, requests) = fetch_after(ATTEMPTS + 1, warm_up).await;
    assert!(fetched.failure.is_none(), "{:?}", fetched.failure);
    assert!(requests > ATTEMPTS + 1);

    let server = Server::start(move |_, request| warm_up(request)).await;
    let options = NodeOptions { warm_up: Duration::from_millis(50), ..options(&server.url) };
    let error = BitcoinNode::connect(options).await.expect_err("it never ends");
    assert!(matches!(fault(&error), NodeFault::WarmingUp { .. }), "{error}");
    assert!(error.is_passing());
    let shown = error.to_string();
    assert!(shown.contains("still starting") && shown.contains("Loading block index…"), "{shown}");

    // From the very first request on, and over REST too.
    for starting in [ATTEMPTS + 2, 2 * ATTEMPTS] {
        let chain = Chain::made_up(3);
        let server =
            Server::start(
                move |number, request| {
                    if number < starting { warm_up(request) } else { chain.reply(request) }
                },
            )
            .await;
        assert!(connect(&server.url).await.has_rest());
    }
    let chain = Chain::made_up(3);
    let server = Server::start(move |number, request| match number {
        // Is there REST? It is starting again.
        2..=8 => warm_up(request),
        _ => chain.reply(request),
    })
    .await;
    assert!(connect(&server.url).await.has_rest());
}

#[tokio::test]
async fn what_will_not_pass_is_an_error_at_once() {
    type Is = fn(&NodeFault) -> bool;
    let cases: &[(&str, Bad, Is)] = &[
        (
            "HTTP status 401): give its cookie file",
            |_| http(401, ""),
            |fault| matches!(fault, NodeFault::Denied { status: 401, .. }),
        ),
        (
            "HTTP status 403): allow this machine with its rpcallowip",
            |_| http(403, ""),
            |fault| matches!(fault, NodeFault::Denied { status: 403, .. }),
        ),
        (
            "HTTP status 404 ('no such page')",
            |_| http(404, "no such page"),
            |fault| matches!(fault, NodeFault::Status { status: 404, .. }),
        ),
        (
            "HTTP status 405 ('JSONRPC server handles only POST requests')",
            |_| http(405, "JSONRPC server handles only POST requests"),
            |fault| matches!(fault, NodeFault::Status { status: 405, .. }),
        ),
        (
            "HTTP status 500 ('{\"hello\":1}')",
            |_| http(500, "{\"hello\":1}"),
            |fault| matches!(fault, NodeFault::Status { status: 500, .. }),
        ),
        (
            "not JSON ('<!DOCTYPE html> <p>Welcome</p>')",
            |_| http(200, "<!DOCTYPE html>\n<p>Welcome</p>"),
            |fault| matches!(fault, NodeFault::Html { .. }),
        ),
        (
            "not JSON-RPC ('OK'",
            |_| http(200, "OK"),
            |fault| matches!(fault, NodeFault::NotJson { .. }),
        ),
        (
            "not JSON-RPC ('[1,2,3]'",
            |_| http(200, "[1,2,3]"),
            |fault| matches!(fault, NodeFault::NotJson { .. }),
        ),
        (
            "one answer came for several calls",
            |_| Reply::Json(json!({ "result": "00", "error": null, "id": 3 })),
            |fault| matches!(fault, NodeFault::NotJson { .. }),
        ),
        (
            "the node answers null",
            |request| respond(&request.body, |_, _| Ok("null".to_owned())),
            |fault| matches!(fault, NodeFault::Null),
        ),
        (
            "does not have this method (Method not found)",
            |request| refuse(request, -32601, "Method not found"),
            |fault| matches!(fault, NodeFault::NoMethod { .. }),
        ),
        (
            "error -32603: internal error",
            |request| refuse(request, -32603, "internal error"),
            |fault| matches!(fault, NodeFault::Refused { code: -32603, .. }),
        ),
        (
            "error -32700: Parse error",
            |_| {
                http(
                    500,
                    r#"{"result":null,"error":{"code":-32700,"message":"Parse error"},"id":null}"#,
                )
            },
            |fault| matches!(fault, NodeFault::Refused { code: -32700, .. }),
        ),
        (
            "the hash cannot be understood (a block hash is 64 hex digits, got '00'",
            |request| respond(&request.body, |_, _| Ok("\"00\"".to_owned())),
            |fault| matches!(fault, NodeFault::Malformed { .. }),
        ),
    ];
    for (text, bad, is) in cases {
        let (fetched, requests) = fetch_after(usize::MAX, bad).await;
        let error = failure(&fetched);
        assert!(is(fault(error)), "{text}: {error}");
        let shown = error.to_string();
        assert!(shown.contains(text), "{text}: {shown}");
        assert!(shown.contains(", getblockhash, block 0: "), "{shown}");
        assert!(!error.is_passing(), "{error}");
        // Headers of no hashes are not asked for.
        assert_eq!(requests, 1, "{text}");
    }
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_not_read() {
    let node = Server::start(|_, _| Reply::Http(200, "", "0".repeat(100_000))).await;
    let options = NodeOptions { answer_bytes: 99_999, ..options(&node.url) };
    let error = BitcoinNode::connect(options).await.expect_err("it is too large");
    assert!(matches!(fault(&error), NodeFault::TooLarge { .. }), "{error}");
    assert!(!error.is_passing());
}

#[tokio::test]
async fn what_is_too_large_together_is_asked_for_in_parts() {
    let chain = Chain { has_rest: false, ..Chain::golden() };
    let largest = chain.blocks.values().map(|known| known.all.len()).max().expect("blocks");
    let (server, _chain) = serve(chain).await;
    let options = NodeOptions { answer_bytes: largest + 100, ..options(&server.url) };
    let node = BitcoinNode::connect(options).await.expect("the node answers");
    let raws = fetch(&node, 96..151).await;
    assert!(raws.iter().all(|raw| raw.spent.is_some()));
}

#[tokio::test]
async fn an_error_for_one_block_is_that_blocks() {
    let cases: &[(i64, &'static str, &str)] = &[
        (-1, "Block not available (pruned data)", "the node has thrown the block away: begin"),
        (-1, "Undo data not available (pruned data)", "the node has thrown the block away: begin"),
        (-1, "Block not found on disk", "does not have the block yet ('Block not found on disk')"),
        (-32603, "Undo data expected but can't be read.", "error -32603: Undo data expected"),
    ];
    for &(code, message, text) in cases {
        let chain = Chain { has_rest: false, ..Chain::golden() };
        let bad = chain.best[117];
        assert!(chain.blocks[&bad].header["nTx"] != 1);
        let verbosity = if message.starts_with("Undo") { 3 } else { 0 };
        let fetched = fetch_with(chain, move |name, params| {
            let is_bad = name == "getblock" && params == &json!([bad, verbosity]);
            is_bad.then_some(Err((code, message)))
        })
        .await;
        let heights: Vec<u64> = fetched.done.iter().map(|raw| raw.block.height).collect();
        assert_eq!(heights, (100..117).collect::<Vec<_>>(), "{message}");
        let shown = failure(&fetched).to_string();
        assert!(shown.contains(", getblock, block 117: "), "{shown}");
        assert!(shown.contains(text), "{shown}");
    }
}

#[tokio::test]
async fn undo_data_that_one_block_lacks_is_computed_for_that_block() {
    let chain = Chain::golden();
    let bad = chain.best[117];
    let fetched = fetch_with(chain, move |name, params| {
        let is_bad = name == "getblock" && params == &json!([bad, 3]);
        is_bad.then_some(Err((-1, "Undo data not available")))
    })
    .await;
    assert!(fetched.failure.is_none(), "{:?}", fetched.failure);
    let lacking = fetched.done.iter().filter(|raw| raw.spent.is_none());
    assert_eq!(lacking.map(|raw| raw.block.height).collect::<Vec<_>>(), [117]);
}

#[tokio::test]
async fn what_is_told_badly_is_named() {
    type Change = fn(&mut Value);
    let cases: &[(&str, &str, Change)] = &[
        ("getblockheader", "missing field `mediantime`", |header| {
            header.as_object_mut().expect("an object").remove("mediantime");
        }),
        ("getblockheader", "chainwork is 'zz'", |header| header["chainwork"] = json!("zz")),
        ("getblockheader", "it is at height 9", |header| header["height"] = json!(9)),
        ("getblockheader", "another block came (00", |header| {
            header["hash"] = json!("00".repeat(32));
        }),
        ("getblock 0", "its bytes are not in hex", |block| *block = json!("0g")),
        ("getblock 0", "it has only 3 bytes", |block| *block = json!("000102")),
        ("getblock 0", "another block came", |block| *block = json!("00".repeat(81))),
        ("getblock 0", "the block cannot be understood", |block| *block = json!({})),
        ("getblock 3", "missing field `tx`", |block| {
            block.as_object_mut().expect("an object").remove("tx");
        }),
        ("getblock 3", "-0.1 is no amount", |block| {
            block["tx"][1]["vin"][0]["prevout"]["value"] = json!(-0.1);
        }),
        ("getblock 3", "a script is not in hex", |block| {
            block["tx"][1]["vin"][0]["prevout"]["scriptPubKey"]["hex"] = json!("0");
        }),
        ("getblock 3", "invalid type", |block| {
            block["tx"][1]["vin"][0]["prevout"]["height"] = json!("9");
        }),
        ("getblock 3", "another block came (00", |block| block["hash"] = json!("00".repeat(32))),
    ];
    for &(call, text, change) in cases {
        let chain = Chain { has_rest: false, ..Chain::golden() };
        let (told, bad) = (chain.clone(), chain.best[117]);
        let (method, verbosity) = call.split_once(' ').unwrap_or((call, "true"));
        let fetched = fetch_with(chain, move |name, params| {
            let call = format!("{name} {}", params[1]);
            let is_bad = call == format!("{method} {verbosity}") && params[0] == json!(bad);
            is_bad.then(|| {
                let mut value: Value =
                    serde_json::from_str(&told.answer(name, params)?).expect("JSON");
                change(&mut value);
                Ok(value.to_string())
            })
        })
        .await;
        assert_eq!(fetched.done.len(), 17, "{text}");
        let shown = failure(&fetched).to_string();
        assert!(shown.contains(text), "{text}: {shown}");
        assert!(shown.contains(&format!(", {method}, block 117: ")), "{shown}");
    }
}

#[tokio::test]
async fn rest_that_fails_is_done_without() {
    let pages: &[Bad] = &[
        |_| http(404, ""),
        |_| http(403, ""),
        |_| http(200, "<html>a page</html>"),
        |_| Reply::Bytes(vec![0; 100]),
    ];
    for &page in pages {
        let chain = Chain::golden();
        let server = Server::start(move |_, request| match request.verb.as_str() {
            "GET" => page(request),
            _ => chain.reply(request),
        })
        .await;
        let node = connect(&server.url).await;
        assert!(!node.has_rest());
        assert_eq!(fetch(&node, 100..110).await.len(), 10);

        // It was there, and is no more.
        let chain = Chain::golden();
        let server = Server::start(move |number, request| match request.verb.as_str() {
            "GET" if number >= CONNECTING => page(request),
            _ => chain.reply(request),
        })
        .await;
        let node = connect(&server.url).await;
        assert!(node.has_rest());
        assert_eq!(fetch(&node, 100..110).await.len(), 10);
    }
}

#[tokio::test]
async fn heights_above_the_tip_are_told_by_the_error_for_them_alone() {
    let (_server, node, _) =
        bad_node(usize::MAX, |request| refuse(request, NO_HEIGHT.0, NO_HEIGHT.1)).await;
    assert_eq!(node.block_at(3).await.expect("an answer"), None);
    let (_server, node, _) = bad_node(usize::MAX, |request| refuse(request, -1, "oh")).await;
    assert!(node.block_at(3).await.is_err());
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
    let odd =
        [Value::Null, json!(-1), json!(1e300), json!("é"), json!(u64::MAX), json!([[]]), json!({})];
    let chain = Chain { has_rest: false, ..Chain::golden() };
    let hash = chain.best[117];
    let now: Arc<std::sync::Mutex<Option<(String, Value)>>> = Arc::default();
    let (told, set) = (chain.clone(), Arc::clone(&now));
    let server = Server::start(move |_, request| {
        if request.verb == "GET" {
            return http(404, "");
        }
        respond(&request.body, |name, params| {
            let now = now.lock().expect("no test panics with the lock");
            match &*now {
                Some((call, odd)) if *call == format!("{name} {}", params[1]) => {
                    Ok(odd.to_string())
                }
                _ => told.answer(name, params),
            }
        })
    })
    .await;
    let options = NodeOptions {
        retry: assay_indexer::source::Retry { attempts: 1, ..Default::default() },
        ..options(&server.url)
    };
    let node = BitcoinNode::connect(options).await.expect("the node answers");
    let hash = json!(hash);
    for (method, params) in [
        ("getblockhash", json!([117])),
        ("getblockheader", json!([hash, true])),
        ("getblock", json!([hash, 0])),
        ("getblock", json!([hash, 3])),
    ] {
        let text = chain.answer(method, &params).expect("a result");
        let told: Value = serde_json::from_str(&text).expect("JSON");
        let mut found = Vec::new();
        places(&told, "", &mut found);
        // Most of a block is not read: its own fields, and those of one input, will do.
        found.retain(|place| place.matches('/').count() <= 2 || place.contains("/1/vin/0"));
        for place in found {
            for odd in &odd {
                let mut changed = told.clone();
                *changed.pointer_mut(&place).expect("it is there") = odd.clone();
                let call = format!("{method} {}", params[1]);
                *set.lock().expect("no test panics with the lock") = Some((call, changed));
                let fetched = node.fetch(117..118).await;
                if let Some(error) = fetched.failure {
                    assert!(error.to_string().contains(", block 117: "), "{place}: {error}");
                }
            }
        }
    }
}
