//! What a block's execution did, as the tracer `callTracer` tells it: a tree of calls for each
//! transaction.
//!
//! Other than `trace_block`, it lists calls of precompiled contracts, says no rewards, and counts in
//! the gas of a transaction what the transaction itself costs.
//!
//! # Invariants
//!
//! * Trees are walked without recursion: a node cannot exhaust the stack.

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::block::RpcBlock;
use super::error::RpcFault;
use super::json::{needed, read, wei, whole};
use crate::raw::ethereum::{Action, CallKind, CreateKind, Trace};

const TRACE: &str = "trace";
/// How deep calls can be nested (Yellow Paper, 9.1), and a self-destruction within.
const MAX_DEPTH: usize = 1025;

/// What is told of one transaction.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfTransaction<'a> {
    tx_hash: Option<B256>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Frame<'a> {
    #[serde(rename = "type")]
    kind: String,
    from: Address,
    to: Option<Address>,
    value: Option<U256>,
    gas: Option<U256>,
    gas_used: Option<U256>,
    input: Option<Bytes>,
    output: Option<Bytes>,
    error: Option<String>,
    revert_reason: Option<String>,
    /// Read when it is their turn.
    #[serde(borrow)]
    calls: Option<Vec<&'a RawValue>>,
}

/// Reads the traces of `block`: the result of `debug_traceBlockByNumber` with `callTracer`. `None`
/// if they are of another block.
pub(super) fn of_block(block: &RpcBlock, text: &RawValue) -> Result<Option<Vec<Trace>>, RpcFault> {
    let transactions: Vec<OfTransaction<'_>> = read("traces", text)?;
    let hashes = block.hashes();
    if transactions.len() != hashes.len() {
        return Ok(None);
    }
    let is_other = |(of, hash): (&OfTransaction<'_>, B256)| of.tx_hash.is_some_and(|of| of != hash);
    if transactions.iter().zip(hashes).any(is_other) {
        return Ok(None);
    }
    let mut traces = Vec::new();
    for (tx_index, transaction) in (0..).zip(&transactions) {
        if let Some(error) = &transaction.error {
            let reason = format!("transaction {tx_index}: {}", error.escape_debug());
            return Err(RpcFault::malformed("traces", reason));
        }
        walk(tx_index, needed("traces", "result", transaction.result)?, &mut traces)?;
    }
    Ok(Some(traces))
}

/// Appends the tree of calls `root`: parents before children.
fn walk(tx_index: u32, root: &RawValue, traces: &mut Vec<Trace>) -> Result<(), RpcFault> {
    let mut open = vec![(root, Vec::new())];
    while let Some((text, trace_address)) = open.pop() {
        let mut frame: Frame<'_> = read(TRACE, text)?;
        let calls = frame.calls.take().unwrap_or_default();
        let subtrace_count = u32::try_from(calls.len())
            .map_err(|_| RpcFault::malformed(TRACE, "it has too many calls"))?;
        if !calls.is_empty() && trace_address.len() == MAX_DEPTH {
            return Err(RpcFault::malformed(TRACE, "calls are nested deeper than is possible"));
        }
        for (place, call) in (0..subtrace_count).zip(calls).rev() {
            let mut address: Vec<u32> = trace_address.clone();
            address.push(place);
            open.push((call, address));
        }
        let error = frame.error();
        let action = frame.action(error.is_some())?;
        let tx_index = Some(tx_index);
        traces.push(Trace { tx_index, trace_address, subtrace_count, action, error });
    }
    Ok(())
}

impl Frame<'_> {
    fn error(&mut self) -> Option<String> {
        let error = self.error.take().filter(|error| !error.is_empty())?;
        Some(match self.revert_reason.take() {
            Some(reason) if !reason.is_empty() => format!("{error}: {reason}"),
            _ => error,
        })
    }

    fn action(self, has_failed: bool) -> Result<Action, RpcFault> {
        let kind = match self.kind.as_str() {
            "CALL" => CallKind::Call,
            "CALLCODE" => CallKind::CallCode,
            "DELEGATECALL" => CallKind::DelegateCall,
            "STATICCALL" => CallKind::StaticCall,
            "CREATE" => return self.create(CreateKind::Create, has_failed),
            "CREATE2" => return self.create(CreateKind::Create2, has_failed),
            "SELFDESTRUCT" => return self.self_destruct(),
            other => {
                let reason = format!("its type '{}' is not known", other.escape_debug());
                return Err(RpcFault::malformed(TRACE, reason));
            }
        };
        // What returns nothing is told as if it had no output.
        let output = if has_failed { self.output } else { Some(self.output.unwrap_or_default()) };
        Ok(Action::Call {
            kind,
            from: self.from,
            to: needed(TRACE, "to", self.to)?,
            value: wei("value", self.value.unwrap_or_default())?,
            input: self.input.unwrap_or_default(),
            gas: whole("gas", needed(TRACE, "gas", self.gas)?)?,
            gas_used: self.gas_used.map(|gas| whole("gasUsed", gas)).transpose()?,
            output,
        })
    }

    fn create(self, kind: CreateKind, has_failed: bool) -> Result<Action, RpcFault> {
        let (to, code) = match has_failed {
            true => (None, None),
            false => (Some(needed(TRACE, "to", self.to)?), Some(self.output.unwrap_or_default())),
        };
        Ok(Action::Create {
            kind: Some(kind),
            from: self.from,
            to,
            value: wei("value", self.value.unwrap_or_default())?,
            init: self.input.unwrap_or_default(),
            gas: whole("gas", needed(TRACE, "gas", self.gas)?)?,
            gas_used: self.gas_used.map(|gas| whole("gasUsed", gas)).transpose()?,
            code,
        })
    }

    /// A self-destruction. Where one moves nothing, because a contract that is not new names itself
    /// as heir (EIP-6780), nodes built on revm do not say of what account and for whom, and
    /// `trace_block` writes zeros instead.
    fn self_destruct(self) -> Result<Action, RpcFault> {
        let heir = match (self.to, self.value) {
            (None, None) if self.from == Address::ZERO => Address::ZERO,
            (heir, _) => needed(TRACE, "to", heir)?,
        };
        let balance = wei("value", self.value.unwrap_or_default())?;
        Ok(Action::SelfDestruct { address: self.from, heir, balance })
    }
}
