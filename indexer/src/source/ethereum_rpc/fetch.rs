//! Fetches whole blocks: each with its receipts, uncles and traces.
//!
//! # Invariants
//!
//! * Block, receipts and traces are of one block: a chain that changes while they are asked for
//!   does not mix them.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::{Address, B256};
use assay_model::ethereum::DAO_FORK_HEIGHT;
use futures::future::{join, join_all};
use serde_json::value::RawValue;
use tokio::task::spawn_blocking;

use super::METER;
use super::block::{self, RpcBlock};
use super::client::{Answer, Call, Client};
use super::error::{RpcError, RpcFault};
use super::json::{is_null, read, wei};
use super::methods::{self, ReceiptMethod, TraceMethod};
use super::receipts::{self, Receipts};
use super::{call_frames, traces};
use crate::metrics;
use crate::raw::ethereum::{RawBlock, Trace};
use crate::task::join as join_task;

/// What a block is fetched with.
#[derive(Debug)]
pub(super) struct Fetcher {
    pub client: Client,
    pub receipts: ReceiptMethod,
    /// `None` if no traces are fetched.
    pub traces: Option<TraceMethod>,
    /// Whether the node can say what the fork of The DAO moved.
    pub has_dao_balances: bool,
}

/// Why a block did not come.
enum Failure {
    /// Its parts do not fit together yet: they will, once the node is done with changing its mind.
    Unsettled(Box<RpcError>),
    /// It will not come.
    Lasting(Box<RpcError>),
}

/// What the node said of a block at first.
struct Parts {
    height: u64,
    block: Answer,
    /// `None` if they are asked for singly.
    receipts: Option<Answer>,
    /// `None` if there are none, or not of this block.
    traces: Option<Answer>,
}

/// A block, and what the node said of it.
struct Read {
    block: RpcBlock,
    receipts: Option<Answer>,
    traces: Option<Answer>,
}

/// What the node said of a block once its content was known.
struct Rest {
    uncles: Vec<Answer>,
    /// Empty if they came all at once.
    receipts: Vec<Answer>,
    /// Empty but for the block of the fork of The DAO.
    dao_balances: Vec<Answer>,
}

/// How many of the calls for a block are for what.
#[derive(Clone, Copy, Default)]
struct Counts {
    uncles: usize,
    receipts: usize,
    dao_balances: usize,
}

impl Fetcher {
    /// The blocks at `heights`, or why they do not come, in the same order.
    pub async fn fetch(
        self: &Arc<Fetcher>,
        heights: Vec<u64>,
    ) -> Vec<Result<RawBlock, Box<RpcError>>> {
        let retry = self.client.retry;
        let mut done = BTreeMap::new();
        let mut open = heights;
        for attempt in 1.. {
            let mut again = Vec::new();
            for (&height, result) in open.iter().zip(self.attempt(&open).await) {
                let result = match result {
                    Ok(block) => Ok(block),
                    Err(Failure::Unsettled(_)) if attempt < retry.attempts => {
                        again.push(height);
                        continue;
                    }
                    Err(Failure::Unsettled(error) | Failure::Lasting(error)) => Err(error),
                };
                done.insert(height, result);
            }
            if again.is_empty() {
                break;
            }
            open = again;
            METER.retried(metrics::REQUEST);
            tokio::time::sleep(retry.pause(attempt, None)).await;
        }
        done.into_values().collect()
    }

    /// The blocks at `heights`, as far as they come at once.
    async fn attempt(self: &Arc<Fetcher>, heights: &[u64]) -> Vec<Result<RawBlock, Failure>> {
        let parts = self.ask_parts(heights).await;
        let fetcher = Arc::clone(self);
        let read = join_task(spawn_blocking(move || {
            parts.into_iter().map(|parts| fetcher.read(parts)).collect::<Vec<_>>()
        }))
        .await;
        let rests = self.ask_rests(&read).await;
        let fetcher = Arc::clone(self);
        join_task(spawn_blocking(move || {
            let blocks = read.into_iter().zip(rests);
            blocks.map(|(read, rest)| fetcher.put_together(read?, rest)).collect()
        }))
        .await
    }

    /// Asks for what can be asked for by height.
    async fn ask_parts(&self, heights: &[u64]) -> Vec<Parts> {
        let mut calls: Vec<Call> =
            heights.iter().map(|&height| methods::block(height, true)).collect();
        if self.receipts == ReceiptMethod::Block {
            calls.extend(heights.iter().map(|&height| methods::block_receipts(height)));
        }
        // Nothing is executed in the genesis block, and geth refuses to trace it.
        let traced = |height: u64| self.traces.filter(|_| height > 0);
        // Traces are large: each block's are a request of their own.
        let traces = heights.iter().map(|&height| async move {
            match traced(height) {
                Some(method) => Some(self.client.ask_one(method.call(height)).await),
                None => None,
            }
        });
        let (answers, traces) = join(self.client.ask(&calls), join_all(traces)).await;
        let mut answers = answers.into_iter();
        let blocks: Vec<Answer> = answers.by_ref().take(heights.len()).collect();
        let receipts = answers.map(Some).chain(std::iter::repeat_with(|| None));
        let parts = heights.iter().zip(blocks).zip(receipts).zip(traces);
        parts
            .map(|(((&height, block), receipts), traces)| Parts { height, block, receipts, traces })
            .collect()
    }

    fn read(&self, parts: Parts) -> Result<Read, Failure> {
        let call = methods::block(parts.height, true);
        let text = parts.block.map_err(|fault| self.lasting(&call, fault))?;
        if is_null(&text) {
            // Only blocks up to the tip are asked for; behind some URLs there are several nodes, not
            // all of them equally far.
            return Err(self.unsettled(&call, RpcFault::Null { what: "block" }));
        }
        let block = block::block(&text).map_err(|fault| self.lasting(&call, fault))?;
        if block.block.height != parts.height {
            let reason = format!("it is block {}", block.block.height);
            return Err(self.lasting(&call, RpcFault::malformed("block", reason)));
        }
        Ok(Read { block, receipts: parts.receipts, traces: parts.traces })
    }

    /// Asks for what can be asked for only when the block is known.
    async fn ask_rests(&self, read: &[Result<Read, Failure>]) -> Vec<Rest> {
        let mut calls = Vec::new();
        let mut counts = Vec::with_capacity(read.len());
        for read in read {
            counts.push(match read {
                Ok(Read { block, .. }) => self.rest_calls(block, &mut calls),
                Err(_) => Counts::default(),
            });
        }
        let mut answers = self.client.ask(&calls).await.into_iter();
        let mut take = |count| answers.by_ref().take(count).collect();
        counts
            .into_iter()
            .map(|counts| Rest {
                uncles: take(counts.uncles),
                receipts: take(counts.receipts),
                dao_balances: take(counts.dao_balances),
            })
            .collect()
    }

    /// Adds to `calls` what is asked for once `block` is known.
    fn rest_calls(&self, block: &RpcBlock, calls: &mut Vec<Call>) -> Counts {
        let height = block.block.height;
        let mut add = |more: &mut dyn Iterator<Item = Call>| {
            let before = calls.len();
            calls.extend(more);
            calls.len() - before
        };
        let uncles = add(&mut (0..block.uncles.len()).map(|place| uncle(block, place)));
        let receipts = match self.receipts {
            ReceiptMethod::Block => 0,
            ReceiptMethod::Single => {
                add(&mut block.hashes().map(|hash| methods::receipt(height, hash)))
            }
        };
        let dao_balances = match height == DAO_FORK_HEIGHT && self.has_dao_balances {
            true => add(&mut methods::dao_balances()),
            false => 0,
        };
        Counts { uncles, receipts, dao_balances }
    }

    fn put_together(&self, read: Read, rest: Rest) -> Result<RawBlock, Failure> {
        let Read { block, receipts, traces } = read;
        let height = block.block.height;
        let call = methods::block(height, true);
        let mut uncles = Vec::with_capacity(rest.uncles.len());
        for (place, answer) in rest.uncles.into_iter().enumerate() {
            let call = uncle(&block, place);
            let text = answer.map_err(|fault| self.lasting(&call, fault))?;
            uncles.push(block::uncle(&text).map_err(|fault| self.lasting(&call, fault))?);
        }
        let receipts = self.receipts(&block, receipts, rest.receipts)?;
        let traces = traces.map(|traces| self.traces(&block, traces)).transpose()?;
        let bytes = block.encode(&uncles).map_err(|fault| self.lasting(&call, fault))?;
        Ok(RawBlock {
            block: block.block,
            bytes,
            receipts: receipts.bytes,
            senders: Some::<Vec<Address>>(block.senders()),
            blob_gas_price: receipts.blob_gas_price,
            traces: traces.or_else(|| self.traces.map(|_| Vec::new())),
            dao_balances: self.dao_balances(rest.dao_balances)?,
            place: format!("{}, {}", self.client.endpoint.shown, call.method),
        })
    }

    fn receipts(
        &self,
        block: &RpcBlock,
        of_block: Option<Answer>,
        single: Vec<Answer>,
    ) -> Result<Receipts, Failure> {
        let height = block.block.height;
        let (call, receipts) = match of_block {
            Some(answer) => {
                let call = methods::block_receipts(height);
                let text = answer.map_err(|fault| self.lasting(&call, fault))?;
                let receipts = receipts::of_block(block, &text);
                (call, receipts)
            }
            None => {
                let call = methods::receipt(height, B256::ZERO);
                let texts: Vec<Box<RawValue>> = single
                    .into_iter()
                    .collect::<Result<_, _>>()
                    .map_err(|fault| self.lasting(&call, fault))?;
                let receipts = receipts::single(block, &texts);
                (call, receipts)
            }
        };
        match receipts {
            Ok(Some(receipts)) => Ok(receipts),
            Ok(None) => Err(self.unsettled(&call, RpcFault::Mixed { what: "receipts" })),
            Err(fault) => Err(self.lasting(&call, fault)),
        }
    }

    fn traces(&self, block: &RpcBlock, answer: Answer) -> Result<Vec<Trace>, Failure> {
        let method = self.traces.unwrap_or(TraceMethod::TraceBlock);
        let call = method.call(block.block.height);
        let text = answer.map_err(|fault| self.lasting(&call, fault))?;
        let traces = match method {
            TraceMethod::TraceBlock => traces::of_block(block, &text),
            TraceMethod::CallTracer => call_frames::of_block(block, &text),
        };
        match traces {
            Ok(Some(traces)) => Ok(traces),
            Ok(None) => Err(self.unsettled(&call, RpcFault::Mixed { what: "traces" })),
            Err(fault) => Err(self.lasting(&call, fault)),
        }
    }

    fn dao_balances(&self, answers: Vec<Answer>) -> Result<Option<Vec<i128>>, Failure> {
        let balances = answers.into_iter().zip(methods::dao_balances()).map(|(answer, call)| {
            let balance = answer.and_then(|text| wei("balance", read("balance", &text)?));
            balance.map_err(|fault| self.lasting(&call, fault))
        });
        let balances: Vec<i128> = balances.collect::<Result<_, _>>()?;
        Ok((!balances.is_empty()).then_some(balances))
    }

    fn lasting(&self, call: &Call, fault: RpcFault) -> Failure {
        Failure::Lasting(call.error(&self.client.endpoint, fault))
    }

    fn unsettled(&self, call: &Call, fault: RpcFault) -> Failure {
        Failure::Unsettled(call.error(&self.client.endpoint, fault))
    }
}

/// Asks for the header of the uncle at `place` of a block.
fn uncle(block: &RpcBlock, place: usize) -> Call {
    methods::uncle(block.block.height, B256::new(block.block.hash.0), place)
}
