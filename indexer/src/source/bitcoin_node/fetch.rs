//! Fetches whole blocks, each with what it spends.
//!
//! # Invariants
//!
//! * Blocks are asked for by hash, and each names the one before as its parent: a chain that changes
//!   meanwhile does not mix them.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use assay_model::{BlockHash, hex};
use futures::future::{join, join_all};
use futures::stream::{self, StreamExt};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::task::spawn_blocking;

use super::METER;
use super::chain::{self, HeaderInfo};
use super::client::Client;
use super::error::{NodeError, NodeFault};
use super::prevouts::{Telling, read_answer};
use super::rest;
use super::rpc::{Answer, Call, read};
use crate::attempt::Attempt;
use crate::metrics;
use crate::raw::bitcoin::{RawBlock, SpentOutputs};
use crate::source::endpoint::Endpoint;
use crate::task::join as join_task;
use crate::wire::{Header, Reader};

/// Most transactions of blocks that are asked for together: the first blocks of a chain have hardly
/// any, those of today several thousand.
const TRANSACTIONS_TOGETHER: u64 = 1000;
/// How often a chain that changes while it is asked for is asked for again. Not for long: what was
/// fetched before may have to be given up, which whoever puts blocks together finds out.
const SETTLING_ATTEMPTS: u32 = 3;
/// Groups of blocks that are asked for at the same time. The client bounds how many requests that
/// really is.
const GROUPS_AT_ONCE: usize = 4;

type Failed = Box<NodeError>;

/// What blocks are fetched with.
#[derive(Debug)]
pub(super) struct Fetcher {
    pub client: Client,
    /// Whether the node serves blocks over REST.
    pub has_rest: bool,
    /// Whether the node is asked what blocks spend.
    pub telling: Telling,
    /// The first block that the node has not thrown away.
    pub first_kept: AtomicU64,
}

/// What the node said of a block.
struct Parts {
    header: HeaderInfo,
    bytes: Result<Bytes, Failed>,
    /// What it spends; `None` if it was not asked for.
    spent: Option<Answer>,
}

/// A block in wire format, as it came.
enum Bytes {
    Rest(Vec<u8>),
    Rpc(Box<RawValue>),
}

impl Fetcher {
    /// The blocks of `heights`, of which the first follows `before` if that is known.
    pub async fn fetch(
        &self,
        heights: Range<u64>,
        before: Option<BlockHash>,
    ) -> Attempt<Vec<RawBlock>, Failed> {
        let Attempt { done: headers, failure } = self.headers(heights, before).await;
        let groups = stream::iter(groups(headers));
        let mut fetched = groups.map(|group| self.fetch_group(group)).buffered(GROUPS_AT_ONCE);
        let mut done = Vec::new();
        while let Some(group) = fetched.next().await {
            done.extend(group.done);
            if let Some(error) = group.failure {
                return Attempt { done, failure: Some(self.explain(error).await) };
            }
        }
        Attempt { done, failure }
    }

    /// The headers of `heights`, up to the first that is not there.
    async fn headers(
        &self,
        heights: Range<u64>,
        before: Option<BlockHash>,
    ) -> Attempt<Vec<HeaderInfo>, Failed> {
        let first_kept = self.first_kept.load(Ordering::Relaxed);
        if heights.start < first_kept {
            let fault = NodeFault::Pruned { first_kept: Some(first_kept) };
            let failure = block_call(BlockHash::default(), 0, heights.start);
            let failure = Some(failure.error(self.client.endpoint(), fault));
            return Attempt { done: Vec::new(), failure };
        }
        let retry = self.client.retry;
        let mut attempt = 1;
        loop {
            let headers = self.headers_now(heights.clone(), before).await;
            let is_unsettled = (headers.failure.as_ref())
                .is_some_and(|error| error.fault == NodeFault::Reorganised);
            if !is_unsettled || attempt >= retry.attempts.min(SETTLING_ATTEMPTS) {
                return headers;
            }
            METER.retried(metrics::REQUEST);
            tokio::time::sleep(retry.pause(attempt, None)).await;
            attempt += 1;
        }
    }

    /// The headers of `heights`, as far as they follow each other.
    async fn headers_now(
        &self,
        heights: Range<u64>,
        before: Option<BlockHash>,
    ) -> Attempt<Vec<HeaderInfo>, Failed> {
        let calls: Vec<Call> = heights.clone().map(chain::hash_call).collect();
        let answers = self.client.ask(&calls).await;
        let hashes = Attempt::each(calls.iter().zip(answers), |(call, answer)| {
            let hash = answer.and_then(|text| read::<BlockHash>("hash", &text));
            hash.map_err(|fault| call.error(self.client.endpoint(), unsettled(fault)))
        });
        let calls: Vec<Call> = (hashes.done.iter().zip(heights))
            .map(|(&hash, height)| chain::header_call(hash, Some(height)))
            .collect();
        let answers = self.client.ask(&calls).await;
        let mut parent = before;
        let told = calls.iter().zip(answers).zip(hashes.done);
        let headers = Attempt::each(told, |((call, answer), hash)| {
            let header = answer.and_then(|text| read::<HeaderInfo>("header", &text));
            let header = header.and_then(|header| {
                chain::check(&header, hash, call.height)?;
                match parent.replace(hash) {
                    Some(parent) if parent != header.parent => Err(NodeFault::Reorganised),
                    _ => Ok(header),
                }
            });
            header.map_err(|fault| call.error(self.client.endpoint(), fault))
        });
        Attempt { done: headers.done, failure: headers.failure.or(hashes.failure) }
    }

    /// The blocks of `headers`.
    async fn fetch_group(&self, headers: Vec<HeaderInfo>) -> Attempt<Vec<RawBlock>, Failed> {
        let (bytes, spent) = join(self.bytes(&headers), self.spent(&headers)).await;
        let parts: Vec<Parts> = (headers.into_iter().zip(bytes).zip(spent))
            .map(|((header, bytes), spent)| Parts { header, bytes, spent })
            .collect();
        let endpoint = self.client.endpoint().clone();
        let put_together =
            spawn_blocking(move || Attempt::each(parts, |parts| put_together(parts, &endpoint)));
        let Attempt { done, failure } = join_task(put_together).await;
        let mut blocks = Vec::with_capacity(done.len());
        for (raw, was_asked) in done {
            if was_asked {
                self.telling.note(raw.spent.as_ref());
            }
            blocks.push(raw);
        }
        Attempt { done: blocks, failure }
    }

    /// The data of the blocks of `headers`.
    async fn bytes(&self, headers: &[HeaderInfo]) -> Vec<Result<Bytes, Failed>> {
        let mut bytes: Vec<Option<Vec<u8>>> = match self.has_rest {
            true => {
                join_all(headers.iter().map(|header| rest::block(&self.client, header.hash))).await
            }
            false => headers.iter().map(|_| None).collect(),
        };
        // JSON-RPC says better what is wrong with those that REST does not have.
        let calls: Vec<Call> = (headers.iter().zip(&bytes))
            .filter(|(_, bytes)| bytes.is_none())
            .map(|(header, _)| block_call(header.hash, 0, header.height))
            .collect();
        let answers = self.client.ask(&calls).await;
        let mut rest = calls.iter().zip(answers);
        (bytes.drain(..))
            .map(|bytes| match bytes {
                Some(bytes) => Ok(Bytes::Rest(bytes)),
                None => {
                    let (call, answer) = rest.next().expect("each of the rest was asked for");
                    let error = |fault| call.error(self.client.endpoint(), fault);
                    answer.map(Bytes::Rpc).map_err(error)
                }
            })
            .collect()
    }

    /// What the node says that the blocks of `headers` spend; `None` where it is not asked.
    async fn spent(&self, headers: &[HeaderInfo]) -> Vec<Option<Answer>> {
        let is_asked = |header: &&HeaderInfo| {
            // A coinbase spends nothing.
            self.telling.is_asked() && header.transactions != Some(1)
        };
        let asked: Vec<bool> = headers.iter().map(|header| is_asked(&header)).collect();
        let calls: Vec<Call> = (headers.iter().zip(&asked))
            .filter(|(_, asked)| **asked)
            .map(|(header, _)| block_call(header.hash, 3, header.height))
            .collect();
        let mut answers = self.client.ask(&calls).await.into_iter();
        asked.into_iter().map(|asked| if asked { answers.next() } else { None }).collect()
    }

    /// The error, with the first block that the node still has if it has thrown one away.
    async fn explain(&self, mut error: Failed) -> Failed {
        if let NodeFault::Pruned { first_kept } = &mut error.fault
            && let Ok(info) = chain::info(&self.client).await
            && info.first_kept > 0
        {
            self.first_kept.store(info.first_kept, Ordering::Relaxed);
            *first_kept = Some(info.first_kept);
        }
        error
    }
}

/// Asks for a block: its bytes in hex, or, with `verbosity` 3, all about it.
fn block_call(hash: BlockHash, verbosity: u8, height: u64) -> Call {
    Call { method: "getblock", params: json!([hash, verbosity]), height: Some(height) }
}

/// What it means that there is no hash for a height that there was a hash for: the chain became
/// shorter.
fn unsettled(fault: NodeFault) -> NodeFault {
    if chain::is_above_tip(&fault) { NodeFault::Reorganised } else { fault }
}

/// `headers` in groups of about [`TRANSACTIONS_TOGETHER`].
fn groups(headers: Vec<HeaderInfo>) -> Vec<Vec<HeaderInfo>> {
    let mut groups: Vec<Vec<HeaderInfo>> = Vec::new();
    let mut room = 0;
    for header in headers {
        let count = header.transactions.unwrap_or(TRANSACTIONS_TOGETHER);
        match groups.last_mut().filter(|_| count <= room) {
            Some(group) => group.push(header),
            None => {
                room = TRANSACTIONS_TOGETHER;
                groups.push(vec![header]);
            }
        }
        room = room.saturating_sub(count);
    }
    groups
}

/// The block that `parts` of the node at `endpoint` make up, and whether the node was asked what it
/// spends.
fn put_together(parts: Parts, endpoint: &Endpoint) -> Result<(RawBlock, bool), Failed> {
    let Parts { header, bytes, spent } = parts;
    let block = header.block();
    let error = |verbosity| {
        move |fault| block_call(block.hash, verbosity, block.height).error(endpoint, fault)
    };
    let (bytes, place) = read_bytes(block.hash, bytes?, &endpoint.shown).map_err(error(0))?;
    let was_asked = spent.is_some();
    let spent = match spent {
        Some(answer) => read_answer(block.hash, answer).map_err(error(3))?,
        None if transaction_count(&bytes) == Some(1) => Some(SpentOutputs::default()),
        None => None,
    };
    let HeaderInfo { median_time, chain_work, .. } = header;
    Ok((RawBlock { block, bytes, spent, median_time, chain_work, place }, was_asked))
}

/// The data of the block `hash`, and where in the node that is shown as `node` it came from.
fn read_bytes(hash: BlockHash, bytes: Bytes, node: &str) -> Result<(Vec<u8>, String), NodeFault> {
    let (bytes, place) = match bytes {
        Bytes::Rest(bytes) => (bytes, format!("{node}{}", rest::path(hash))),
        Bytes::Rpc(text) => {
            let digits: &str = read("block", &text)?;
            let bytes = hex::decode(digits)
                .ok_or_else(|| NodeFault::malformed("block", "its bytes are not in hex"))?;
            (bytes, format!("{node}, getblock {hash}"))
        }
    };
    let header = bytes.first_chunk().ok_or_else(|| {
        NodeFault::malformed("block", format_args!("it has only {} bytes", bytes.len()))
    })?;
    match BlockHash::from_wire(Header::hash_of(header)) {
        found if found == hash => Ok((bytes, place)),
        found => Err(NodeFault::OtherBlock { found }),
    }
}

/// The number of transactions that a block of `bytes` says it has.
fn transaction_count(bytes: &[u8]) -> Option<u64> {
    Reader::new(bytes.get(Header::SIZE..)?).count().ok()
}
