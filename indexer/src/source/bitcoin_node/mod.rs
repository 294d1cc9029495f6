//! Source: a running Bitcoin Core, asked by JSON-RPC, and by REST where it serves that.
//!
//! What a block spends comes from `getblock <hash> 3` (Bitcoin Core 23 or later), which tells of each
//! spent output its value, its script and the height at which it was created, in the order of undo
//! data. `/rest/spenttxouts` (30 or later) would be far shorter, but it tells `CTxOut`s alone, values
//! and scripts: the heights, which rows of inputs hold, are in none of its forms, and nothing
//! else that a node answers says them more cheaply. So it is not used. Of a node that tells no spent
//! outputs, or where they are not wanted, blocks come without them, and the pipeline computes them.
//!
//! # Invariants
//!
//! * Nothing that a node sends panics: it gives an error that names method and block.
//! * No message shows what may be secret: logins, and all of a URL but its host.
//! * Equal chains are cut at equal heights.
//! * Amounts are read digit by digit.

mod chain;
mod client;
mod error;
mod fetch;
mod http;
mod login;
mod prevouts;
mod rest;
mod rpc;
mod trouble;
mod zmq;

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use assay_model::{BlockRef, Chain, Network};
use async_trait::async_trait;

use self::client::Client;
pub use self::error::{NodeError, NodeFault};
use self::fetch::Fetcher;
pub use self::login::Login;
use self::prevouts::Telling;
use self::zmq::Announcements;
use crate::attempt::Attempt;
use crate::metrics::Meter;
use crate::raw::bitcoin::RawBlock;
use crate::source::endpoint::Endpoint;
use crate::source::{Finality, Live, Retry, Source, SourceError, cut};

const METER: Meter = Meter::new(Chain::Bitcoin);

/// How a URL of a node may begin.
const SCHEMES: &[&str] = &["http", "https"];
/// Heights at whose multiples fetches are cut: so many of today's blocks are about the data that a
/// batch is made from.
const FETCHED_BLOCKS: u64 = 16;
/// Requests that are under way at once, unless another number is given. bitcoind works at 4 or more
/// at once and lets 16 or more wait (`rpcthreads`, `rpcworkqueue`).
pub const DEFAULT_REQUESTS: usize = 8;
/// How long a request may take, unless another time is given.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a node that starts is waited for, unless another time is given: one that checks its
/// files after a crash takes minutes.
pub const DEFAULT_WARM_UP: Duration = Duration::from_secs(15 * 60);
/// The largest answer that is read, unless another size is given, bytes. What a block spends takes
/// tens of megabytes of JSON.
pub const DEFAULT_ANSWER_BYTES: usize = 256 << 20;
/// How often a node is asked for news if it announces none, unless another time is given: a small
/// part of the ten minutes between two blocks.
pub const DEFAULT_POLL: Duration = Duration::from_secs(5);

/// How a node is asked.
#[derive(Clone)]
pub struct NodeOptions {
    /// Its URL: `http://` or `https://`, host and port.
    pub url: String,
    /// How it is told who asks.
    pub login: Login,
    /// The address that it announces blocks at (`zmqpubhashblock` or `zmqpubsequence`): `tcp://`,
    /// host and port.
    pub zmq: Option<String>,
    /// The network that it must be in, if that matters.
    pub network: Option<Network>,
    /// Whether blocks are fetched with what they spend, if the node can say it.
    pub with_spent: bool,
    /// How often it is asked for news if it announces none.
    pub poll: Duration,
    /// Most requests that are under way at once.
    pub requests: usize,
    /// How long a request may take.
    pub timeout: Duration,
    /// How long it is waited for while it starts.
    pub warm_up: Duration,
    /// The largest answer that is read, bytes.
    pub answer_bytes: usize,
    /// How often it is asked again.
    pub retry: Retry,
}

impl NodeOptions {
    /// How the node at `url` is asked if nothing else is said: with what blocks spend.
    pub fn new(url: impl Into<String>) -> NodeOptions {
        NodeOptions {
            url: url.into(),
            login: Login::default(),
            zmq: None,
            network: None,
            with_spent: true,
            poll: DEFAULT_POLL,
            requests: DEFAULT_REQUESTS,
            timeout: DEFAULT_TIMEOUT,
            warm_up: DEFAULT_WARM_UP,
            answer_bytes: DEFAULT_ANSWER_BYTES,
            retry: Retry::default(),
        }
    }

    /// The same, as the owner of the cookie file at `path`.
    pub fn with_cookie(self, path: impl Into<PathBuf>) -> NodeOptions {
        NodeOptions { login: Login::Cookie(path.into()), ..self }
    }
}

impl fmt::Debug for NodeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = Endpoint::parse(&self.url, SCHEMES).map(|endpoint| endpoint.shown).ok();
        f.debug_struct("NodeOptions")
            .field("url", &shown)
            .field("login", &self.login)
            .field("zmq", &self.zmq)
            .field("network", &self.network)
            .field("with_spent", &self.with_spent)
            .field("poll", &self.poll)
            .field("requests", &self.requests)
            .field("timeout", &self.timeout)
            .field("warm_up", &self.warm_up)
            .field("answer_bytes", &self.answer_bytes)
            .field("retry", &self.retry)
            .finish()
    }
}

/// A node whose network and ways to answer are known.
#[derive(Debug)]
pub struct BitcoinNode {
    fetcher: Fetcher,
    network: Network,
    is_synchronising: bool,
    average_bytes: u64,
    poll: Duration,
    announcements: Option<Announcements>,
}

impl BitcoinNode {
    /// Connects to a node, waits for it if it is starting, and asks which network it is in and how
    /// it serves blocks. Needs a runtime, on which it is listened to for announcements.
    ///
    /// # Errors
    ///
    /// If the URL is none of a node, the node does not answer as one, or is in another network than
    /// wanted.
    pub async fn connect(options: NodeOptions) -> Result<BitcoinNode, SourceError> {
        let unnamed = |fault| {
            let url = "the address given".to_owned();
            Box::new(NodeError { url, method: "connect", height: None, fault })
        };
        let endpoint = Endpoint::parse(&options.url, SCHEMES)
            .map_err(|reason| unnamed(NodeFault::BadUrl { reason }))?;
        let client = Client::new(endpoint, &options).map_err(unnamed)?;
        let announcements = options.zmq.as_deref().map(Announcements::listen).transpose();
        let announcements = announcements.map_err(unnamed)?;
        let info = chain::info(&client).await?;
        let network = chain::network(&client, &info, options.network).await?;
        let has_rest = rest::is_served(&client, info.best).await?;
        let kept = (info.blocks + 1).saturating_sub(info.first_kept).max(1);
        Ok(BitcoinNode {
            fetcher: Fetcher {
                client,
                has_rest,
                telling: Telling::new(options.with_spent),
                first_kept: AtomicU64::new(info.first_kept),
            },
            network,
            is_synchronising: info.is_synchronising,
            average_bytes: (info.size_on_disk / kept).max(1),
            poll: options.poll,
            announcements,
        })
    }

    /// The network that the node is in.
    pub fn network(&self) -> Network {
        self.network
    }

    /// The node, as it may be shown: scheme, host and port of its URL.
    pub fn url(&self) -> &str {
        &self.fetcher.client.endpoint().shown
    }

    /// Whether the node was still downloading the chain when it was connected to: its tip is one of
    /// long ago then.
    pub fn is_synchronising(&self) -> bool {
        self.is_synchronising
    }

    /// Whether blocks come over REST.
    pub fn has_rest(&self) -> bool {
        self.fetcher.has_rest
    }

    /// The first block that the node has, as far as is known; above 0 if it is pruned.
    pub fn first_kept(&self) -> u64 {
        self.fetcher.first_kept.load(Ordering::Relaxed)
    }

    /// Whether blocks come with what they spend, as far as is known: that a node is too old shows
    /// with the first block that spends something.
    pub fn tells_spent(&self) -> bool {
        self.fetcher.telling.is_asked()
    }
}

#[async_trait]
impl Source for BitcoinNode {
    type Block = RawBlock;

    async fn tip(&self) -> Result<Option<BlockRef>, SourceError> {
        Ok(Some(chain::tip(&self.fetcher.client).await?))
    }

    async fn block_at(&self, height: u64) -> Result<Option<BlockRef>, SourceError> {
        Ok(chain::block_at(&self.fetcher.client, height).await?)
    }

    fn plan(&self, heights: Range<u64>, _bytes: u64) -> u64 {
        cut(heights, FETCHED_BLOCKS)
    }

    fn bytes_of(&self, heights: Range<u64>) -> u64 {
        heights.end.saturating_sub(heights.start).saturating_mul(self.average_bytes)
    }

    async fn fetch(&self, heights: Range<u64>) -> Attempt<Vec<RawBlock>, SourceError> {
        let mut done: Vec<RawBlock> = Vec::new();
        let mut rest = heights;
        while !rest.is_empty() {
            let end = cut(rest.clone(), FETCHED_BLOCKS);
            let before = done.last().map(|raw| raw.block.hash);
            let fetched = self.fetcher.fetch(rest.start..end, before).await;
            done.extend(fetched.done);
            if let Some(error) = fetched.failure {
                return Attempt { done, failure: Some(error.into()) };
            }
            rest.start = end;
        }
        Attempt { done, failure: None }
    }
}

#[async_trait]
impl Live for BitcoinNode {
    async fn changed(&self) {
        match &self.announcements {
            // Announcements get lost: it is looked from time to time all the same.
            Some(announcements) => {
                let _ = tokio::time::timeout(self.poll, announcements.next()).await;
            }
            None => tokio::time::sleep(self.poll).await,
        }
    }

    async fn finality(&self) -> Result<Finality, SourceError> {
        // No block of Bitcoin is ever beyond replacement.
        Ok(Finality::default())
    }
}
