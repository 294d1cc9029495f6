//! Decodes Ethereum's blocks.
//!
//! # Invariants
//!
//! * A block whose rows come out has the hash that it is known by, and its transactions, receipts,
//!   uncles and withdrawals are those that its header commits to.
//! * Senders that a source claims are taken from it; all else that the rows say about a transaction
//!   follows from what the header commits to, and from the traces.
//! * No amount is rounded or cut short: one that does not fit its column is an error.

mod blocks;
mod check;
mod error;
mod execution;
mod flows;
mod genesis;
mod logs;
mod rules;
mod token_transfers;
mod traces;
mod transactions;
mod value_flows;
mod withdrawals;

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use arrow::record_batch::RecordBatch;
use assay_model::{Batch, Chain};

use self::blocks::BlockRows;
use self::check::Checked;
pub use self::error::{DecodeError, Fault};
use self::execution::{Execution, Prices};
use self::flows::{Rewards as BlockRewards, Traces};
pub use self::genesis::{Genesis, GenesisError};
use self::logs::LogRows;
pub use self::rules::{Rewards, Rules};
use self::token_transfers::TokenTransferRows;
use self::traces::TraceRows;
use self::transactions::TransactionRows;
use self::value_flows::FlowRows;
use self::withdrawals::WithdrawalRows;
use super::Decode;
use super::columns::micros;
use crate::raw::Raw;
use crate::raw::ethereum::RawBlock;
use crate::rlp::Transaction;
use crate::rlp::reader::sum;

/// How blocks are decoded.
#[derive(Clone, Debug)]
pub struct Decoder {
    /// What the network does its own way.
    pub rules: Arc<Rules>,
    /// Who had ether at the beginning, if that is known.
    pub genesis: Option<Arc<Genesis>>,
    /// Whether traces are kept where the source has them.
    pub with_traces: bool,
}

impl Decode for Decoder {
    type Block = RawBlock;
    type Error = Box<DecodeError>;

    fn decode(&self, blocks: &[RawBlock]) -> Result<Batch, (usize, Box<DecodeError>)> {
        let mut rows = Rows::default();
        for (at, raw) in blocks.iter().enumerate() {
            rows.add(self, raw).map_err(|fault| (at, Box::new(DecodeError::new(raw, fault))))?;
        }
        let (first, last) = (blocks[0].block, blocks[blocks.len() - 1].block);
        let bytes = blocks.iter().map(Raw::size).sum();
        Ok(Batch::new(Chain::Ethereum, first, last, bytes, rows.finish()))
    }
}

/// The rows of all tables.
#[derive(Default)]
struct Rows {
    blocks: BlockRows,
    transactions: TransactionRows,
    logs: LogRows,
    token_transfers: TokenTransferRows,
    traces: TraceRows,
    withdrawals: WithdrawalRows,
    value_flows: FlowRows,
}

/// What the rows of one block have in common.
#[derive(Clone, Copy)]
struct BlockContext {
    height: i64,
    /// Header time, as tables hold it.
    time: i64,
}

/// What the rows of one transaction have in common.
#[derive(Clone, Copy)]
struct TransactionContext<'a> {
    block: BlockContext,
    tx_index: usize,
    hash: B256,
    sender: Address,
    transaction: &'a Transaction<'a>,
}

/// Sums of a block, wei.
#[derive(Clone, Copy)]
struct Totals {
    block_reward: i128,
    uncle_reward: i128,
    fees: i128,
    burnt: i128,
}

impl Rows {
    /// Adds the rows of one block, or none if it is not valid.
    fn add(&mut self, decoder: &Decoder, raw: &RawBlock) -> Result<(), Fault> {
        let checked = Checked::new(raw)?;
        if let (0, Some(genesis)) = (raw.block.height, &decoder.genesis) {
            genesis.check(checked.block.header.state_root)?;
        }
        let raw_traces = raw.traces.as_deref().filter(|_| decoder.with_traces);
        let traces = raw_traces.map(|traces| Traces::new(traces, &checked)).transpose()?;
        let rewards = flows::rewards(&decoder.rules, &checked, raw_traces)?;
        let executions = executions(&decoder.rules, raw, &checked, traces.as_ref())?;
        let context = context(&checked)?;
        self.add_transactions(context, &checked, &executions)?;
        if let Some(traces) = &traces {
            for (place, trace) in traces.traces.iter().enumerate() {
                let is_reverted = traces.is_reverted[place];
                self.traces.add(context, place, trace, &checked.hashes, is_reverted);
            }
        }
        for withdrawal in checked.block.withdrawals.iter().flatten() {
            self.withdrawals.add(context, withdrawal);
        }
        let genesis = decoder.genesis.as_deref();
        let flows =
            flows::of_block(raw, &checked, &executions, traces.as_ref(), &rewards, genesis)?;
        self.value_flows.add(context, &flows);
        self.blocks.add(context, &checked, totals(&rewards, &executions)?);
        Ok(())
    }

    fn add_transactions(
        &mut self,
        block: BlockContext,
        checked: &Checked<'_>,
        executions: &[Execution],
    ) -> Result<(), Fault> {
        let mut log_index = 0;
        for (tx_index, transaction) in checked.block.transactions.iter().enumerate() {
            let (hash, sender) = (checked.hashes[tx_index], checked.senders[tx_index]);
            let context = TransactionContext { block, tx_index, hash, sender, transaction };
            let receipt = &checked.receipts[tx_index];
            self.transactions.add(context, receipt, &executions[tx_index]).map_err(Fault::Block)?;
            for log in &receipt.logs {
                self.logs.add(context, log_index, log);
                self.token_transfers.add(context, log_index, log);
                log_index += 1;
            }
        }
        Ok(())
    }

    /// The rows, in the order of the chain's tables.
    fn finish(self) -> Vec<RecordBatch> {
        vec![
            self.blocks.finish(),
            self.transactions.finish(),
            self.logs.finish(),
            self.token_transfers.finish(),
            self.traces.finish(),
            self.withdrawals.finish(),
            self.value_flows.finish(),
        ]
    }
}

fn context(checked: &Checked<'_>) -> Result<BlockContext, Fault> {
    let header = &checked.block.header;
    let seconds = u32::try_from(header.time).map_err(|_| Fault::Time { found: header.time })?;
    Ok(BlockContext { height: header.height as i64, time: micros(seconds) })
}

/// What each transaction did.
fn executions(
    rules: &Rules,
    raw: &RawBlock,
    checked: &Checked<'_>,
    traces: Option<&Traces<'_>>,
) -> Result<Vec<Execution>, Fault> {
    let header = &checked.block.header;
    let prices = Prices {
        base_fee: header.base_fee_per_gas.unwrap_or(0),
        blob_gas: blob_gas_price(rules, raw, checked)?,
        is_homestead: header.height >= rules.homestead,
    };
    let mut before = 0;
    let mut executions = Vec::with_capacity(checked.block.transactions.len());
    for (tx_index, transaction) in checked.block.transactions.iter().enumerate() {
        let receipt = &checked.receipts[tx_index];
        let gas_used = receipt.cumulative_gas_used - before;
        before = receipt.cumulative_gas_used;
        let failed = traces.map(|traces| traces.has_failed(tx_index));
        let sender = checked.senders[tx_index];
        let execution = Execution::new(transaction, sender, receipt, gas_used, failed, prices);
        executions.push(execution.ok_or(Fault::AmountTooLarge { tx_index })?);
    }
    Ok(executions)
}

/// What blob gas costs in the block: by the network's rules; where those are not known, by the
/// source.
fn blob_gas_price(
    rules: &Rules,
    raw: &RawBlock,
    checked: &Checked<'_>,
) -> Result<Option<i128>, Fault> {
    let header = &checked.block.header;
    let told = raw.blob_gas_price;
    let excess = header.excess_blob_gas.map(|excess| excess as u64);
    match (excess.and_then(|excess| rules.blob_gas_price(header.time, excess)), told) {
        (Some(wanted), Some(found)) if wanted != found => {
            Err(Fault::BlobGasPrice { wanted, found })
        }
        (computed, told) => Ok(computed.or(told)),
    }
}

fn totals(rewards: &BlockRewards, executions: &[Execution]) -> Result<Totals, Fault> {
    let too_large = Fault::AmountTooLarge { tx_index: executions.len().saturating_sub(1) };
    Ok(Totals {
        block_reward: rewards.block,
        uncle_reward: rewards.of_uncles()?,
        fees: sum(executions.iter().map(Execution::fee)).ok_or(too_large)?,
        // A part of the fees, so it fits, too.
        burnt: executions.iter().map(Execution::burnt).sum(),
    })
}
