//! Source: an Ethereum node, asked by JSON-RPC over HTTP or a WebSocket.
//!
//! The node tells fields; they are put together to the bytes that the block's hash and roots are
//! of, so that decoding can check all that the node says but senders and traces.
//!
//! # Invariants
//!
//! * Nothing that a node sends panics: it gives an error that names method and block.
//! * No message shows what may be secret in a node's URL.
//! * Equal chains are cut at equal heights.

mod announced;
mod block;
mod call_frames;
mod client;
mod error;
mod fetch;
mod http;
mod json;
mod methods;
mod receipts;
mod traces;
mod transport;
mod trouble;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::U64;
use assay_model::ethereum::Network;
use assay_model::{BlockRef, Chain};
use async_trait::async_trait;
use futures::StreamExt;
use futures::future::join;
use futures::stream;
use tokio::sync::Mutex;

use self::announced::Announced;
use self::block::Identity;
use self::client::{Call, Client};
pub use self::error::{RpcError, RpcFault};
use self::fetch::Fetcher;
use self::json::{is_null, read};
use self::methods::{ReceiptMethod, TraceMethod};
use crate::attempt::Attempt;
use crate::metrics::Meter;
use crate::raw::ethereum::RawBlock;
pub use crate::source::Retry;
use crate::source::endpoint::Endpoint;
use crate::source::{Finality, Live, Source, SourceError, cut};

/// How a URL of a node may begin.
const SCHEMES: &[&str] = &["http", "https", "ws", "wss"];
/// Heights at whose multiples fetches are cut.
const FETCHED_BLOCKS: u64 = 32;
/// Blocks that are asked for in one request, with their receipts.
const BLOCKS_PER_REQUEST: u64 = 8;
/// Requests that are under way at once, unless another number is given.
pub const DEFAULT_REQUESTS: usize = 8;
/// How long a request may take, unless another time is given: nodes trace large blocks for a while.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(180);
/// The largest answer that is read, unless another size is given, bytes; traces of a block are tens
/// of megabytes.
pub const DEFAULT_ANSWER_BYTES: usize = 512 << 20;
/// How often a node is asked for a new block that does not announce them, unless another time is
/// given.
pub const DEFAULT_POLL: Duration = Duration::from_millis(500);
/// What a block of the main network and its receipts take, about, bytes.
const AVERAGE_BLOCK_BYTES: u64 = 100_000;

const METER: Meter = Meter::new(Chain::Ethereum);

/// How a node is asked.
#[derive(Clone)]
pub struct RpcOptions {
    /// Its URL: `http://`, `https://`, `ws://` or `wss://`.
    pub url: String,
    /// Whether traces are fetched, if the node has them.
    pub traces: bool,
    /// Most requests that are under way at once.
    pub requests: usize,
    /// How long a request may take.
    pub timeout: Duration,
    /// The largest answer that is read, bytes.
    pub answer_bytes: usize,
    /// How often the node is asked for a new block where it does not announce them.
    pub poll: Duration,
    /// How often it is asked again.
    pub retry: Retry,
}

impl RpcOptions {
    /// How the node at `url` is asked if nothing else is said: with traces.
    pub fn new(url: impl Into<String>) -> RpcOptions {
        RpcOptions {
            url: url.into(),
            traces: true,
            requests: DEFAULT_REQUESTS,
            timeout: DEFAULT_TIMEOUT,
            answer_bytes: DEFAULT_ANSWER_BYTES,
            poll: DEFAULT_POLL,
            retry: Retry::default(),
        }
    }
}

impl fmt::Debug for RpcOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = Endpoint::parse(&self.url, SCHEMES).map(|endpoint| endpoint.shown).ok();
        f.debug_struct("RpcOptions")
            .field("url", &shown)
            .field("traces", &self.traces)
            .field("requests", &self.requests)
            .field("timeout", &self.timeout)
            .field("answer_bytes", &self.answer_bytes)
            .field("poll", &self.poll)
            .field("retry", &self.retry)
            .finish()
    }
}

/// A node whose network and methods are known.
#[derive(Debug)]
pub struct Rpc {
    fetcher: Arc<Fetcher>,
    network: Network,
    announced: Mutex<Announced>,
}

impl Rpc {
    /// Connects to a node, and asks which network it is in and which methods it has.
    ///
    /// # Errors
    ///
    /// If the URL is none of a node, or the node does not answer as one.
    pub async fn connect(options: RpcOptions) -> Result<Rpc, SourceError> {
        let call = methods::chain_id();
        let unnamed = |fault| {
            let url = "the URL given".to_owned();
            Box::new(RpcError { url, method: call.method, height: None, fault })
        };
        let endpoint = Endpoint::parse(&options.url, SCHEMES)
            .map_err(|reason| unnamed(RpcFault::BadUrl { reason }))?;
        let client = Client::connect(endpoint.clone(), &options)
            .await
            .map_err(|fault| call.error(&endpoint, fault))?;
        let chain_id: U64 = ask(&client, call, "chain id").await?;
        let network = Network { chain_id: chain_id.to() };
        let receipts = ReceiptMethod::of(&client).await?;
        let traces = match options.traces {
            true => TraceMethod::of(&client).await?,
            false => None,
        };
        let has_dao_balances = methods::has_dao_balances(&client, network).await?;
        let fetcher = Arc::new(Fetcher { client, receipts, traces, has_dao_balances });
        let announced = Mutex::new(Announced::new(options.poll));
        Ok(Rpc { fetcher, network, announced })
    }

    /// The network that the node is in.
    pub fn network(&self) -> Network {
        self.network
    }

    /// Whether blocks come with traces: they are wanted, and the node has them.
    pub fn has_traces(&self) -> bool {
        self.fetcher.traces.is_some()
    }

    /// Whether the block of the fork of The DAO comes with what it moved: only an archive node of
    /// the main network knows.
    pub fn has_dao_balances(&self) -> bool {
        self.fetcher.has_dao_balances
    }

    /// The node, as it may be shown: scheme, host and port of its URL.
    pub fn url(&self) -> &str {
        &self.fetcher.client.endpoint.shown
    }

    /// The block that `call` is for; `None` if the node has none.
    async fn block(&self, call: Call) -> Result<Option<BlockRef>, SourceError> {
        let client = &self.fetcher.client;
        let error = |fault| call.error(&client.endpoint, fault);
        let text = client.ask_one(call.clone()).await.map_err(error)?;
        if is_null(&text) {
            return Ok(None);
        }
        let identity: Identity = read("block", &text).map_err(error)?;
        Ok(Some(identity.block()))
    }
}

/// The result of `call`, a `what`.
async fn ask<T: serde::de::DeserializeOwned>(
    client: &Client,
    call: Call,
    what: &'static str,
) -> Result<T, Box<RpcError>> {
    let error = |fault| call.error(&client.endpoint, fault);
    let text = client.ask_one(call.clone()).await.map_err(error)?;
    read(what, &text).map_err(error)
}

#[async_trait]
impl Source for Rpc {
    type Block = RawBlock;

    async fn tip(&self) -> Result<Option<BlockRef>, SourceError> {
        self.block(methods::tagged_block("latest")).await
    }

    async fn block_at(&self, height: u64) -> Result<Option<BlockRef>, SourceError> {
        self.block(methods::block(height, false)).await
    }

    fn plan(&self, heights: Range<u64>, _bytes: u64) -> u64 {
        cut(heights, FETCHED_BLOCKS)
    }

    fn bytes_of(&self, heights: Range<u64>) -> u64 {
        heights.end.saturating_sub(heights.start).saturating_mul(AVERAGE_BLOCK_BYTES)
    }

    async fn fetch(&self, heights: Range<u64>) -> Attempt<Vec<RawBlock>, SourceError> {
        let mut rest = heights;
        let parts = std::iter::from_fn(move || {
            let end = cut(rest.clone(), BLOCKS_PER_REQUEST);
            let part: Vec<u64> = (rest.start..end).collect();
            rest.start = end;
            (!part.is_empty()).then_some(part)
        });
        // The client bounds how many of them are really asked for at once.
        let at_once = (FETCHED_BLOCKS / BLOCKS_PER_REQUEST) as usize;
        let mut results = stream::iter(parts)
            .map(|part| {
                let fetcher = Arc::clone(&self.fetcher);
                async move { fetcher.fetch(part).await }
            })
            .buffered(at_once);
        let mut done = Vec::new();
        while let Some(results) = results.next().await {
            for result in results {
                match result {
                    Ok(block) => done.push(block),
                    Err(error) => return Attempt { done, failure: Some(error.into()) },
                }
            }
        }
        Attempt { done, failure: None }
    }
}

#[async_trait]
impl Live for Rpc {
    async fn changed(&self) {
        self.announced.lock().await.next(&self.fetcher.client).await;
    }

    async fn finality(&self) -> Result<Finality, SourceError> {
        let tagged = |tag| async move {
            // Chains without proof of stake have no such blocks, and nodes say so in many ways.
            let text = self.fetcher.client.ask_once(methods::tagged_block(tag)).await?;
            Some(read::<Identity>("block", &text).ok()?.block())
        };
        let (safe, finalized) = join(tagged("safe"), tagged("finalized")).await;
        Ok(Finality { safe, finalized })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_do_not_show_keys() {
        let shown = format!("{:?}", RpcOptions::new("https://a:b@host/0123456789"));
        assert!(shown.contains("https://host") && !shown.contains("0123456789"), "{shown}");
    }
}
