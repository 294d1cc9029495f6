//! Who asks a Bitcoin node, and which node it is: logins, networks, and what no message shows.

#[path = "common/bitcoind.rs"]
mod bitcoind;
#[path = "common/mined.rs"]
mod mined;
#[path = "common/server.rs"]
mod server;

use std::path::PathBuf;
use std::time::Duration;

use assay_indexer::source::bitcoin_node::{BitcoinNode, Login, NodeFault, NodeOptions};
use assay_indexer::source::{Source, SourceError};
use assay_model::Network;
use bitcoind::{CONNECTING, Chain, fault, fetch, http, options, respond};
use serde_json::{Value, json};
use server::Server;
use tempfile::TempDir;
use tokio::net::TcpListener;

#[tokio::test]
async fn a_network_that_is_not_meant_is_named() {
    async fn refusal(info: Value, wanted: Option<Network>) -> SourceError {
        let chain = Chain::made_up(1);
        let server = Server::start(move |_, request| {
            respond(&request.body, |method, params| match method {
                "getblockchaininfo" => {
                    let mut told = chain.info();
                    told["chain"] = info["chain"].clone();
                    Ok(told.to_string())
                }
                _ => chain.answer(method, params),
            })
        })
        .await;
        let options = NodeOptions { network: wanted, ..options(&server.url) };
        BitcoinNode::connect(options).await.expect_err("another network")
    }
    let error = refusal(json!({ "chain": "regtest" }), Some(Network::Mainnet)).await;
    let (found, wanted) = (Network::Regtest, Network::Mainnet);
    assert_eq!(*fault(&error), NodeFault::OtherNetwork { found, wanted });
    assert!(error.to_string().contains("in regtest, where mainnet is expected"), "{error}");
    // Litecoin calls its networks the same.
    let error = refusal(json!({ "chain": "main" }), None).await;
    let found = Network::Regtest.genesis();
    assert_eq!(*fault(&error), NodeFault::OtherChain { network: Network::Mainnet, found });
    let error = refusal(json!({ "chain": "betanet" }), None).await;
    assert_eq!(*fault(&error), NodeFault::UnknownNetwork { name: "betanet".to_owned() });
    for chain in ["test", "testnet4", "signet"] {
        let error = refusal(json!({ "chain": chain }), None).await;
        assert!(matches!(fault(&error), NodeFault::OtherChain { .. }), "{chain}: {error}");
    }
}

/// `Authorization` of a user and a password.
fn basic(token: &str) -> Option<String> {
    Some(format!("Basic {token}"))
}

/// A node of three blocks that admits those who send what `admitted` says for the number of the
/// request.
async fn guarded(admitted: fn(usize) -> Option<String>) -> Server {
    let chain = Chain::made_up(3);
    Server::start(move |number, request| {
        let is_rest = request.verb == "GET";
        match is_rest || request.authorization == admitted(number) {
            true => chain.reply(request),
            false => http(401, ""),
        }
    })
    .await
}

fn file(text: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join(".cookie");
    std::fs::write(&path, text).expect("written");
    (dir, path)
}

#[tokio::test]
async fn a_node_is_told_who_asks() {
    // "me:word"
    let server = guarded(|_| basic("bWU6d29yZA==")).await;
    let with_login = server.url.replace("http://", "http://me:word@");
    assert!(BitcoinNode::connect(options(&with_login)).await.is_ok());
    let (_dir, path) = file("me:word\n");
    assert!(BitcoinNode::connect(options(&server.url).with_cookie(&path)).await.is_ok());
    // A login beside the URL counts more than one in it.
    let other = server.url.replace("http://", "http://you:secret@");
    assert!(BitcoinNode::connect(options(&other).with_cookie(&path)).await.is_ok());
    let (_dir, path) = file("word");
    let login = Login::Password { user: "me".to_owned(), file: path.clone() };
    let with_password = NodeOptions { login, ..options(&server.url) };
    assert!(BitcoinNode::connect(with_password).await.is_ok());

    let (_dir, wrong) = file("me:wrong");
    let login = Login::Password { user: "you".to_owned(), file: path };
    for (options, hint) in [
        (options(&server.url), "give its cookie file (.cookie in its data directory)"),
        (options(&other), "check the user and password in its URL"),
        (options(&server.url).with_cookie(wrong), ".cookie the cookie file of this node?"),
        (NodeOptions { login, ..options(&server.url) }, "against its rpcauth"),
    ] {
        let error = BitcoinNode::connect(options).await.expect_err("a wrong login");
        assert!(matches!(fault(&error), NodeFault::Denied { status: 401, .. }), "{error}");
        let shown = error.to_string();
        assert!(shown.contains(hint), "{shown}");
        assert!(!shown.contains("wrong") && !shown.contains("secret"), "{shown}");
        assert!(!error.is_passing());
    }
}

#[tokio::test]
async fn a_node_that_is_started_anew_is_told_its_new_cookie() {
    let (dir, path) = file("me:word");
    // "me:other" once it is connected to.
    let server =
        guarded(|number| basic(if number < CONNECTING { "bWU6d29yZA==" } else { "bWU6b3RoZXI=" }))
            .await;
    let node = BitcoinNode::connect(options(&server.url).with_cookie(&path)).await.expect("one");
    let denied = node.tip().await.expect_err("an old cookie");
    assert!(matches!(fault(&denied), NodeFault::Denied { status: 401, .. }), "{denied}");
    std::fs::write(&path, "me:other").expect("written");
    assert_eq!(node.tip().await.expect("the new cookie").map(|tip| tip.height), Some(3));
    assert_eq!(fetch(&node, 0..4).await.len(), 4);

    // While it is not running there is no cookie.
    drop(dir);
    let absent = BitcoinNode::connect(options(&server.url).with_cookie(&path)).await;
    let error = absent.expect_err("no cookie");
    assert_eq!(*fault(&error), NodeFault::NoCookie { path });
    assert!(error.is_passing());
    assert!(error.to_string().contains("is the node running"), "{error}");
}

#[tokio::test]
async fn no_message_shows_what_is_secret() {
    let (_dir, path) = file("__cookie__:0123456789abcdef");
    let chain = Chain::made_up(3);
    let server = Server::start(move |number, request| match number {
        0..CONNECTING => chain.reply(request),
        // It repeats what it was told.
        _ => {
            let told = request.authorization.clone().unwrap_or_default();
            let is_cookie = told.starts_with("Basic X19jb29r");
            let name = if is_cookie { "0123456789abcdef" } else { "secretuser:secretword" };
            http(404, &format!("{told} {name}"))
        }
    })
    .await;
    let url = server.url.replace("http://", "http://secretuser:secretword@");
    let mut errors = Vec::new();
    for options in [options(&url), options(&server.url).with_cookie(&path)] {
        assert!(!format!("{options:?}").contains("secret"), "{options:?}");
        let node = BitcoinNode::connect(options).await;
        match node {
            Ok(node) => errors.push(node.tip().await.expect_err("no page")),
            Err(error) => errors.push(error),
        }
    }
    // Where nobody listens any more.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let free = listener.local_addr().expect("bound").to_string();
    drop(listener);
    let closed = format!("http://secretuser:secretword@{free}");
    let refused = BitcoinNode::connect(options(&closed)).await.expect_err("nobody is there");
    assert!(matches!(fault(&refused), NodeFault::Unreachable { attempts: 3, .. }), "{refused}");
    assert!(refused.to_string().starts_with(&format!("http://{free}, getblockchaininfo: ")));
    assert!(refused.to_string().contains("onnection refused"), "{refused}");
    assert!(refused.is_passing());
    let secure = closed.replace("http", "https");
    errors.push(BitcoinNode::connect(options(&secure)).await.expect_err("nobody is there"));
    let other = BitcoinNode::connect(options("ftp://secretuser:secretword@host")).await;
    let other = other.expect_err("ftp");
    assert!(matches!(fault(&other), NodeFault::BadUrl { .. }), "{other}");
    let zmq = NodeOptions { zmq: Some("udp://host:1".to_owned()), ..options(&server.url) };
    let zmq = BitcoinNode::connect(zmq).await.expect_err("udp");
    assert!(matches!(fault(&zmq), NodeFault::BadZmq { .. }), "{zmq}");
    errors.extend([refused, other, zmq]);
    for error in errors {
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(!shown.contains("secret"), "{shown}");
            assert!(!shown.contains("cdef") && !shown.contains("X19jb29r"), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_node_that_does_not_speak_http_is_named() {
    let server = Server::start(|_, _| http(200, "")).await;
    let url = server.url.replace("http", "https");
    let options = NodeOptions { timeout: Duration::from_millis(300), ..options(&url) };
    let error = BitcoinNode::connect(options).await.expect_err("it speaks HTTP");
    assert!(matches!(fault(&error), NodeFault::Unreachable { attempts: 3, .. }), "{error}");
}
