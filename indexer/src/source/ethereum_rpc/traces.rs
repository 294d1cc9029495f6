//! What a block's execution did, as `trace_block` tells it: a list of steps.
//!
//! # Invariants
//!
//! * Steps come out by transaction, parents before children, and rewards behind them.

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::block::RpcBlock;
use super::error::RpcFault;
use super::json::{is_null, needed, read, wei, whole};
use crate::raw::ethereum::{Action, CallKind, CreateKind, RewardKind, Trace};

const TRACE: &str = "trace";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    action: EntryAction,
    result: Option<EntryResult>,
    error: Option<String>,
    subtraces: u32,
    trace_address: Vec<u32>,
    transaction_position: Option<u32>,
    block_hash: Option<B256>,
}

/// What any kind of entry says of its action.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntryAction {
    call_type: Option<String>,
    creation_method: Option<String>,
    reward_type: Option<String>,
    from: Option<Address>,
    to: Option<Address>,
    value: Option<U256>,
    gas: Option<U256>,
    input: Option<Bytes>,
    init: Option<Bytes>,
    address: Option<Address>,
    refund_address: Option<Address>,
    balance: Option<U256>,
    author: Option<Address>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntryResult {
    gas_used: Option<U256>,
    output: Option<Bytes>,
    address: Option<Address>,
    code: Option<Bytes>,
}

/// Reads the traces of `block`: the result of `trace_block`. `None` if they are of another block.
pub(super) fn of_block(block: &RpcBlock, text: &RawValue) -> Result<Option<Vec<Trace>>, RpcFault> {
    // Some nodes have nothing to say of a block without transactions.
    if is_null(text) && block.hashes().len() == 0 {
        return Ok(Some(Vec::new()));
    }
    let entries: Vec<Entry> = read("traces", text)?;
    let is_other =
        |entry: &Entry| entry.block_hash.is_some_and(|hash| hash.0 != block.block.hash.0);
    if entries.iter().any(is_other) {
        return Ok(None);
    }
    let mut traces = Vec::with_capacity(entries.len());
    for entry in entries {
        traces.extend(entry.trace()?);
    }
    traces.sort_by(|left: &Trace, right| {
        let place = |trace: &Trace| trace.tx_index.unwrap_or(u32::MAX);
        (place(left), &left.trace_address).cmp(&(place(right), &right.trace_address))
    });
    Ok(Some(traces))
}

impl Entry {
    /// The trace; `None` if it is nothing that executing the block did.
    fn trace(self) -> Result<Option<Trace>, RpcFault> {
        let error = self.error.filter(|error| !error.is_empty());
        let tx_index = match (self.kind.as_str(), self.transaction_position) {
            ("reward", _) => None,
            (_, position) => Some(needed(TRACE, "transactionPosition", position)?),
        };
        let (action, result) = (self.action, self.result);
        let action = match self.kind.as_str() {
            "call" => action.call(result)?,
            "create" => action.create(result, error.is_some())?,
            "suicide" | "selfdestruct" => action.self_destruct()?,
            "reward" => match action.reward()? {
                Some(action) => action,
                None => return Ok(None),
            },
            other => {
                let reason = format!("its type '{}' is not known", other.escape_debug());
                return Err(RpcFault::malformed(TRACE, reason));
            }
        };
        let (trace_address, subtrace_count) = (self.trace_address, self.subtraces);
        Ok(Some(Trace { tx_index, trace_address, subtrace_count, action, error }))
    }
}

impl EntryAction {
    fn call(self, result: Option<EntryResult>) -> Result<Action, RpcFault> {
        let kind = match self.call_type.as_deref() {
            None | Some("call") => CallKind::Call,
            Some("callcode") => CallKind::CallCode,
            Some("delegatecall") => CallKind::DelegateCall,
            Some("staticcall") => CallKind::StaticCall,
            Some(other) => {
                let reason = format!("its callType '{}' is not known", other.escape_debug());
                return Err(RpcFault::malformed(TRACE, reason));
            }
        };
        let gas_used = result.as_ref().and_then(|result| result.gas_used);
        Ok(Action::Call {
            kind,
            from: needed(TRACE, "from", self.from)?,
            to: needed(TRACE, "to", self.to)?,
            value: wei("value", self.value.unwrap_or_default())?,
            input: self.input.unwrap_or_default(),
            gas: whole("gas", needed(TRACE, "gas", self.gas)?)?,
            gas_used: gas_used.map(|gas| whole("gasUsed", gas)).transpose()?,
            output: result.and_then(|result| result.output),
        })
    }

    fn create(self, result: Option<EntryResult>, has_failed: bool) -> Result<Action, RpcFault> {
        let kind = match self.creation_method.as_deref() {
            Some("create") => Some(CreateKind::Create),
            Some("create2") => Some(CreateKind::Create2),
            _ => None,
        };
        let gas_used = result.as_ref().and_then(|result| result.gas_used);
        // Some nodes name the contract that there would have been.
        let (to, code) = match result.filter(|_| !has_failed) {
            Some(result) => (result.address, result.code),
            None => (None, None),
        };
        Ok(Action::Create {
            kind,
            from: needed(TRACE, "from", self.from)?,
            to,
            value: wei("value", self.value.unwrap_or_default())?,
            init: self.init.unwrap_or_default(),
            gas: whole("gas", needed(TRACE, "gas", self.gas)?)?,
            gas_used: gas_used.map(|gas| whole("gasUsed", gas)).transpose()?,
            code,
        })
    }

    fn self_destruct(self) -> Result<Action, RpcFault> {
        Ok(Action::SelfDestruct {
            address: needed(TRACE, "address", self.address)?,
            heir: needed(TRACE, "refundAddress", self.refund_address)?,
            balance: wei("balance", self.balance.unwrap_or_default())?,
        })
    }

    /// A reward of the miner; `None` for what some nodes list besides: withdrawals, and what system
    /// contracts of other chains give.
    fn reward(self) -> Result<Option<Action>, RpcFault> {
        let kind = match self.reward_type.as_deref() {
            Some("block") => RewardKind::Block,
            Some("uncle") => RewardKind::Uncle,
            _ => return Ok(None),
        };
        let miner = needed(TRACE, "author", self.author)?;
        Ok(Some(Action::Reward {
            kind,
            miner,
            value: wei("value", self.value.unwrap_or_default())?,
        }))
    }
}
