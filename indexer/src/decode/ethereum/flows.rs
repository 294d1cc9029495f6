//! Which ether moves in a block.
//!
//! Without traces, what contracts move is not known: then only what transactions themselves move
//! is told.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use alloy_primitives::Address;

use super::check::Checked;
use super::execution::Execution;
use super::rules::{Rules, inclusion_reward, uncle_reward};
use super::value_flows::{Flow, FlowKind};
use super::withdrawals::wei;
use super::{Fault, Genesis};
use crate::raw::dao::{DAO_ACCOUNTS, DAO_REFUND};
use crate::raw::ethereum::{Action, CallKind, RawBlock, RewardKind, Trace};
use crate::rlp::reader::{in_38_digits, sum};

/// The traces of a block, and what they say together.
pub(super) struct Traces<'a> {
    pub traces: &'a [Trace],
    /// Of each, whether it had no effect: it, or a call that it is part of, failed.
    pub is_reverted: Vec<bool>,
    /// Of each, the place of the call or creation that it is part of.
    parents: Vec<Option<usize>>,
    /// By transaction: the places of its traces.
    pub of_transaction: Vec<Range<usize>>,
}

impl<'a> Traces<'a> {
    /// Puts `traces` in order, and checks that they are those of the block.
    pub fn new(traces: &'a [Trace], checked: &Checked<'_>) -> Result<Traces<'a>, Fault> {
        let transactions = checked.block.transactions.len();
        let mut of_transaction: Vec<Range<usize>> = Vec::with_capacity(transactions);
        let mut is_reverted: Vec<bool> = Vec::with_capacity(traces.len());
        let mut parents = Vec::with_capacity(traces.len());
        // The places of the trace under way and of those that it is part of.
        let mut path: Vec<usize> = Vec::new();
        for (trace_index, trace) in traces.iter().enumerate() {
            let fault = |what| Fault::Trace { trace_index, what };
            let Some(tx_index) = trace.tx_index else {
                is_reverted.push(false);
                parents.push(None);
                continue;
            };
            let is_root = trace.trace_address.is_empty();
            if is_root {
                if tx_index as usize != of_transaction.len() {
                    return Err(fault("its transaction is not the next"));
                }
                check_root(trace, tx_index as usize, checked).map_err(fault)?;
                of_transaction.push(trace_index..trace_index);
            }
            if tx_index as usize + 1 != of_transaction.len() {
                return Err(fault("it is not among the traces of its transaction"));
            }
            if trace.trace_address.len() > path.len() && !is_root {
                return Err(fault("the call that it is part of is missing"));
            }
            path.truncate(trace.trace_address.len());
            let parent = path.last().copied();
            is_reverted.push(trace.error.is_some() || parent.is_some_and(|at| is_reverted[at]));
            parents.push(parent);
            path.push(trace_index);
            if let Some(places) = of_transaction.last_mut() {
                places.end = trace_index + 1;
            }
        }
        match of_transaction.len() {
            found if found == transactions => {
                Ok(Traces { traces, is_reverted, parents, of_transaction })
            }
            found => Err(Fault::Count { what: "traces of transactions", found, transactions }),
        }
    }

    /// Whether the transaction at `tx_index` failed.
    pub fn has_failed(&self, tx_index: usize) -> bool {
        self.traces[self.of_transaction[tx_index].start].error.is_some()
    }

    /// Whether the trace at `trace_index` is of a self-destruction, but not of the account whose code
    /// ran there.
    ///
    /// Since Cancun, a contract that is not new and names itself as heir moves nothing, and nodes
    /// built on revm (anvil, Reth) tell of it as if the last movement of ether before had been one of
    /// a self-destruction: mostly that of the caller, who paid the contract. Where the contract itself
    /// moved the last ether, nothing tells the two apart.
    fn is_misattributed(&self, trace_index: usize) -> bool {
        let Action::SelfDestruct { address, .. } = self.traces[trace_index].action else {
            return false;
        };
        let parent = self.parents[trace_index].map(|parent| &self.traces[parent].action);
        let account = match parent {
            Some(Action::Call { kind: CallKind::Call | CallKind::StaticCall, to, .. }) => Some(*to),
            Some(Action::Call { from, .. }) => Some(*from),
            Some(Action::Create { to, .. }) => *to,
            _ => None,
        };
        account.is_some_and(|account| account != address)
    }
}

/// Checks that `trace` is that of the transaction at `tx_index` itself.
fn check_root(trace: &Trace, tx_index: usize, checked: &Checked<'_>) -> Result<(), &'static str> {
    let Some(transaction) = checked.block.transactions.get(tx_index) else {
        return Err("the block has no such transaction");
    };
    let (sender, to, moved) = match &trace.action {
        Action::Call { from, to, value, .. } => (*from, Some(*to), *value),
        Action::Create { from, value, .. } => (*from, None, *value),
        _ => return Err("it is no call and no creation"),
    };
    if sender != checked.senders[tx_index] {
        Err("it has another sender than its transaction")
    } else if to != transaction.to {
        Err("it has another receiver than its transaction")
    } else if moved != transaction.value {
        Err("it has another value than its transaction")
    } else {
        Ok(())
    }
}

/// New ether of a block.
pub(super) struct Rewards {
    pub block: i128,
    pub uncles: Vec<(Address, i128)>,
}

impl Rewards {
    /// What the miners of uncles get together.
    pub fn of_uncles(&self) -> Result<i128, Fault> {
        sum(self.uncles.iter().map(|(_, value)| *value)).ok_or(Fault::RewardsTooLarge)
    }
}

/// What the miners of `checked` and of its uncles get: by the network's rules; where those are not
/// known, by the `traces`.
pub(super) fn rewards(
    rules: &Rules,
    checked: &Checked<'_>,
    traces: Option<&[Trace]>,
) -> Result<Rewards, Fault> {
    let header = &checked.block.header;
    let told = traces.into_iter().flatten().filter_map(|trace| match trace.action {
        Action::Reward { kind, miner, value } => Some((kind, miner, value)),
        _ => None,
    });
    let (of_block, of_uncles): (Vec<_>, Vec<_>) =
        told.partition(|(kind, ..)| *kind == RewardKind::Block);
    let told = Rewards {
        block: sum(of_block.iter().map(|&(_, _, value)| value)).ok_or(Fault::RewardsTooLarge)?,
        uncles: of_uncles.iter().map(|&(_, miner, value)| (miner, value)).collect(),
    };
    let Some(static_reward) = rules.rewards.map(|rewards| rewards.of_block(header.height)) else {
        return Ok(told);
    };
    // Proof of stake has no difficulty; the genesis block has, and nobody mined it.
    if header.difficulty == 0 || header.height == 0 {
        return Ok(Rewards { block: 0, uncles: Vec::new() });
    }
    let uncle = |uncle: &crate::rlp::Header<'_>| {
        let reward = uncle_reward(static_reward, header.height, uncle.height);
        (uncle.miner, reward.unwrap_or(0))
    };
    let uncles: Vec<_> = checked.block.uncles.iter().map(uncle).collect();
    let block = static_reward + inclusion_reward(static_reward) * uncles.len() as i128;
    let rewards = Rewards { block, uncles };
    if !of_block.is_empty() {
        compare("block reward", rewards.block, told.block)?;
        compare("uncle rewards", rewards.of_uncles()?, told.of_uncles()?)?;
    }
    Ok(rewards)
}

fn compare(what: &'static str, wanted: i128, found: i128) -> Result<(), Fault> {
    if wanted == found { Ok(()) } else { Err(Fault::Reward { what, wanted, found }) }
}

/// All flows of a block, in the order of their effects.
pub(super) fn of_block(
    raw: &RawBlock,
    checked: &Checked<'_>,
    executions: &[Execution],
    traces: Option<&Traces<'_>>,
    rewards: &Rewards,
    genesis: Option<&Genesis>,
) -> Result<Vec<Flow>, Fault> {
    let block = &checked.block;
    let mut flows = Vec::new();
    if let Some(genesis) = genesis.filter(|_| block.header.height == 0) {
        let accounts = genesis.allocation.iter();
        flows.extend(accounts.map(|&(to, value)| Flow::issue(FlowKind::Genesis, to, value)));
    }
    flows.extend(dao_moves(raw)?);
    for (tx_index, execution) in executions.iter().enumerate() {
        of_transaction(checked, tx_index, execution, traces, &mut flows)?;
    }
    flows.push(Flow::issue(FlowKind::BlockReward, block.header.miner, rewards.block));
    let uncles = rewards.uncles.iter();
    flows.extend(uncles.map(|&(to, value)| Flow::issue(FlowKind::UncleReward, to, value)));
    let withdrawals = block.withdrawals.iter().flatten();
    flows.extend(
        withdrawals.map(|withdrawal| {
            Flow::issue(FlowKind::Withdrawal, withdrawal.address, wei(withdrawal))
        }),
    );
    Ok(flows)
}

/// What the fork of The DAO moved, if `raw` is the block of it and says so.
fn dao_moves(raw: &RawBlock) -> Result<impl Iterator<Item = Flow>, Fault> {
    let balances = raw.dao_balances.as_deref().unwrap_or_default();
    if !balances.is_empty() && balances.len() != DAO_ACCOUNTS.len() {
        return Err(Fault::DaoBalances { found: balances.len() });
    }
    Ok(DAO_ACCOUNTS.iter().zip(balances).map(|(&from, &value)| Flow {
        kind: FlowKind::DaoMove,
        from: Some(from),
        to: Some(DAO_REFUND),
        value,
        tx_index: None,
        trace_index: None,
    }))
}

fn of_transaction(
    checked: &Checked<'_>,
    tx_index: usize,
    execution: &Execution,
    traces: Option<&Traces<'_>>,
    flows: &mut Vec<Flow>,
) -> Result<(), Fault> {
    let transaction = &checked.block.transactions[tx_index];
    let sender = Some(checked.senders[tx_index]);
    let flow = |kind, from, to, value| Flow {
        kind,
        from,
        to,
        value,
        tx_index: Some(tx_index),
        trace_index: None,
    };
    if !execution.is_failed {
        let to = transaction.to.or(execution.created);
        flows.push(flow(FlowKind::Transfer, sender, to, transaction.value));
        if let Some(traces) = traces {
            let is_cancun = checked.block.header.blob_gas_used.is_some();
            internal(traces, tx_index, is_cancun, flows)?;
        }
    }
    let miner = Some(checked.block.header.miner);
    flows.push(flow(FlowKind::PriorityFee, sender, miner, execution.priority_fee));
    flows.push(flow(FlowKind::BaseFeeBurn, sender, None, execution.base_fee));
    let blob_fee = execution.blobs.map_or(0, |blobs| blobs.fee);
    flows.push(flow(FlowKind::BlobFeeBurn, sender, None, blob_fee));
    Ok(())
}

/// Adds what contracts move in the transaction at `tx_index`.
///
/// What a contract that destroys itself keeps, or gets afterwards in the same transaction, is gone
/// with it; since Cancun only if the contract was created in the same transaction (EIP-6780).
fn internal(
    traces: &Traces<'_>,
    tx_index: usize,
    is_cancun: bool,
    flows: &mut Vec<Flow>,
) -> Result<(), Fault> {
    let mut created = HashSet::new();
    // What contracts that destroyed themselves kept or got again, and where they first did.
    let mut destroyed: HashMap<Address, (usize, i128)> = HashMap::new();
    for trace_index in traces.of_transaction[tx_index].clone() {
        let trace = &traces.traces[trace_index];
        if traces.is_reverted[trace_index] || is_cancun && traces.is_misattributed(trace_index) {
            continue;
        }
        let (from, to, value) = match trace.action {
            // The others run foreign code in the caller's own account, or cannot move anything.
            Action::Call { kind: CallKind::Call, from, to, value, .. } => (from, to, value),
            Action::Create { from, to: Some(to), value, .. } => {
                created.insert(to);
                (from, to, value)
            }
            Action::SelfDestruct { address, heir, balance } => {
                let is_gone = !is_cancun || created.contains(&address);
                if is_gone {
                    destroyed.entry(address).or_insert((trace_index, balance));
                }
                // What it keeps is gone at once, if it is.
                if address == heir {
                    continue;
                }
                (address, heir, balance)
            }
            _ => continue,
        };
        let too_large = Fault::Trace { trace_index, what: "it moves more than 38 digits hold" };
        if let Some((_, left)) = destroyed.get_mut(&from) {
            *left = left.checked_sub(value).ok_or_else(|| too_large.clone())?;
        }
        if let Some((_, left)) = destroyed.get_mut(&to) {
            *left = left.checked_add(value).and_then(in_38_digits).ok_or(too_large)?;
        }
        // The transaction itself is told of as a transfer.
        if !trace.trace_address.is_empty() {
            flows.push(Flow {
                kind: FlowKind::Internal,
                from: Some(from),
                to: Some(to),
                value,
                tx_index: Some(tx_index),
                trace_index: Some(trace_index),
            });
        }
    }
    let mut gone: Vec<_> = destroyed.into_iter().collect();
    gone.sort_unstable_by_key(|(_, (trace_index, _))| *trace_index);
    flows.extend(gone.into_iter().map(|(address, (trace_index, left))| Flow {
        kind: FlowKind::Destroyed,
        from: Some(address),
        to: None,
        value: left,
        tx_index: Some(tx_index),
        trace_index: Some(trace_index),
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Bytes;

    use super::*;

    const CALLER: Address = Address::with_last_byte(1);
    const CONTRACT: Address = Address::with_last_byte(2);
    const HEIR: Address = Address::with_last_byte(3);

    fn call(from: Address, to: Address, value: i128) -> Action {
        let (kind, input) = (CallKind::Call, Bytes::new());
        Action::Call { kind, from, to, value, input, gas: 0, gas_used: None, output: None }
    }

    fn create(value: i128) -> Action {
        let (init, code) = (Bytes::new(), None);
        let (from, to) = (CALLER, Some(CONTRACT));
        Action::Create { kind: None, from, to, value, init, gas: 0, gas_used: None, code }
    }

    fn end(heir: Address, balance: i128) -> Action {
        Action::SelfDestruct { address: CONTRACT, heir, balance }
    }

    /// What moves within a transaction that calls [`CALLER`]: of each flow its sender, its receiver
    /// and its value. The actions come with the number of calls that they are part of.
    fn moved(
        is_cancun: bool,
        actions: &[(usize, Action)],
    ) -> Vec<(Option<Address>, Option<Address>, i128)> {
        let root = (0, call(HEIR, CALLER, 0));
        let (mut traces, mut parents, mut path) = (Vec::new(), Vec::new(), Vec::new());
        for (depth, action) in [&root].into_iter().chain(actions) {
            path.truncate(*depth);
            parents.push(path.last().copied());
            path.push(traces.len());
            let (trace_address, action) = (vec![0; *depth], action.clone());
            traces.push(Trace {
                tx_index: Some(0),
                trace_address,
                subtrace_count: 0,
                action,
                error: None,
            });
        }
        let is_reverted = vec![false; traces.len()];
        let whole = 0..traces.len();
        let of_transaction = vec![whole];
        let traces = Traces { traces: &traces, is_reverted, parents, of_transaction };
        let mut flows = Vec::new();
        internal(&traces, 0, is_cancun, &mut flows).expect("small amounts");
        let flows = flows.into_iter().filter(|flow| flow.value != 0);
        flows.map(|flow| (flow.from, flow.to, flow.value)).collect()
    }

    #[test]
    fn what_comes_after_the_end_is_gone() {
        let made = (Some(CALLER), Some(CONTRACT), 5);
        let inherited = (Some(CONTRACT), Some(HEIR), 5);
        let story = [
            (1, create(5)),
            (1, call(CALLER, CONTRACT, 0)),
            (2, end(HEIR, 5)),
            (1, call(CALLER, CONTRACT, 7)),
        ];
        let late = (Some(CALLER), Some(CONTRACT), 7);
        let gone = (Some(CONTRACT), None, 7);
        for is_cancun in [false, true] {
            assert_eq!(moved(is_cancun, &story), [made, inherited, late, gone]);
            assert_eq!(moved(is_cancun, &story[..3]), [made, inherited]);
        }
    }

    #[test]
    fn a_second_heir_gets_what_came_after_the_first() {
        let story = [
            (1, create(5)),
            (1, call(CALLER, CONTRACT, 0)),
            (2, end(HEIR, 5)),
            (1, call(CALLER, CONTRACT, 7)),
            (2, end(CALLER, 7)),
        ];
        let flows = [
            (Some(CALLER), Some(CONTRACT), 5),
            (Some(CONTRACT), Some(HEIR), 5),
            (Some(CALLER), Some(CONTRACT), 7),
            (Some(CONTRACT), Some(CALLER), 7),
        ];
        assert_eq!(moved(true, &story), flows);
    }

    #[test]
    fn what_a_contract_leaves_to_itself_is_gone_each_time() {
        let story = [
            (1, create(5)),
            (1, call(CALLER, CONTRACT, 0)),
            (2, end(CONTRACT, 5)),
            (1, call(CALLER, CONTRACT, 7)),
            (2, end(CONTRACT, 7)),
        ];
        let gone = (Some(CONTRACT), None, 12);
        assert_eq!(moved(true, &story).last(), Some(&gone));
    }

    #[test]
    fn a_contract_that_is_not_new_keeps_what_it_leaves_to_itself_since_cancun() {
        let paid = (Some(CALLER), Some(CONTRACT), 7);
        let as_it_is = [(1, call(CALLER, CONTRACT, 7)), (2, end(CONTRACT, 107))];
        assert_eq!(moved(true, &as_it_is), [paid]);
        assert_eq!(moved(false, &as_it_is), [paid, (Some(CONTRACT), None, 107)]);
        // As revm tells it.
        let last = Action::SelfDestruct { address: CALLER, heir: CONTRACT, balance: 7 };
        assert_eq!(moved(true, &[(1, call(CALLER, CONTRACT, 7)), (2, last)]), [paid]);
    }
}
