//! What can be wrong with a block of Ethereum.

use alloy_primitives::B256;
use assay_model::BlockHash;

use crate::raw::ethereum::RawBlock;
use crate::rlp::RlpError;

/// A block is not valid: which, where it was read, and why.
#[derive(Debug, thiserror::Error)]
#[error(
    "block {height} {hash} ({place}) is not what it claims to be; all blocks below it are indexed. \
     If a node sent it, check that node; if a file holds it, restore that; then run again"
)]
pub struct DecodeError {
    /// Height.
    pub height: u64,
    /// Hash.
    pub hash: BlockHash,
    /// Where it was read.
    pub place: String,
    /// What is wrong.
    #[source]
    pub fault: Fault,
}

impl DecodeError {
    pub(super) fn new(raw: &RawBlock, fault: Fault) -> DecodeError {
        let place = raw.place.clone();
        DecodeError { height: raw.block.height, hash: raw.block.hash, place, fault }
    }
}

/// What is wrong with a block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The bytes are no block.
    #[error("its data is damaged: {0}")]
    Block(RlpError),
    /// The bytes are no receipts.
    #[error("its receipts are damaged: {0}")]
    Receipts(RlpError),
    /// The header is another block's.
    #[error("its header hashes to {found}")]
    WrongHash {
        /// The hash of the header.
        found: B256,
    },
    /// The header says another height.
    #[error("its header says that it is block {found}")]
    WrongHeight {
        /// The height in the header.
        found: u64,
    },
    /// The block does not follow the one that it should.
    #[error("its parent is {found}")]
    WrongParent {
        /// The parent that the header names.
        found: B256,
    },
    /// What the header commits to is not there.
    #[error("its {what} are not those that its header commits to ({wanted}, found {found})")]
    WrongRoot {
        /// What: `transactions`, `receipts`, `uncles`, `withdrawals`.
        what: &'static str,
        /// The commitment.
        wanted: B256,
        /// That of what is there.
        found: B256,
    },
    /// The header commits to withdrawals and there are none, or the other way round.
    #[error("its header and its body do not agree on whether there are withdrawals")]
    Withdrawals,
    /// Another number of things than there are transactions.
    #[error("it has {transactions} transactions and {found} {what}")]
    Count {
        /// What: `receipts`, `senders`, `traces of transactions`.
        what: &'static str,
        /// Their number.
        found: usize,
        /// Transactions of the block.
        transactions: usize,
    },
    /// The gas of the receipts is not that of the header.
    #[error("its transactions used {found} gas, its header says {wanted}")]
    GasUsed {
        /// Gas in the header.
        wanted: i64,
        /// Gas of the last receipt.
        found: i64,
    },
    /// The gas of the receipts runs backwards.
    #[error("transaction {tx_index} used less gas than those before it")]
    GasOrder {
        /// Place in the block.
        tx_index: usize,
    },
    /// A receipt is of another type than its transaction.
    #[error("transaction {tx_index} is of type {transaction} and its receipt of type {receipt}")]
    ReceiptType {
        /// Place in the block.
        tx_index: usize,
        /// Type of the transaction.
        transaction: u8,
        /// Type of the receipt.
        receipt: u8,
    },
    /// A signature is of nobody.
    #[error("transaction {tx_index} has no valid signature")]
    Signature {
        /// Place in the block.
        tx_index: usize,
    },
    /// An amount, or the sum of the block's up to it, beyond what can be stored and all ether.
    #[error("transaction {tx_index}: an amount has more than 38 digits")]
    AmountTooLarge {
        /// Place in the block.
        tx_index: usize,
    },
    /// The execution is another block's.
    #[error("trace {trace_index} is not of this block: {what}")]
    Trace {
        /// Place among the block's traces.
        trace_index: usize,
        /// What does not fit.
        what: &'static str,
    },
    /// The source's rewards are not those of the network's rules.
    #[error("its {what} is {found} wei by the source and {wanted} by the rules of the network")]
    Reward {
        /// Which: `block reward` or `uncle reward`.
        what: &'static str,
        /// By the rules.
        wanted: i128,
        /// By the source.
        found: i128,
    },
    /// The source's rewards are beyond all ether.
    #[error("by the source, its rewards have more than 38 digits")]
    RewardsTooLarge,
    /// Balances that are not those of the accounts that lost theirs.
    #[error("{found} accounts lose their ether in the fork of The DAO, not 116")]
    DaoBalances {
        /// Number of balances.
        found: usize,
    },
    /// Blob gas is not what the header says.
    #[error("its transactions use {found} blob gas, its header says {wanted}")]
    BlobGas {
        /// By the header.
        wanted: i64,
        /// By the transactions.
        found: i64,
    },
    /// The price of blob gas is not that of the network's rules.
    #[error("blob gas costs {found} wei by the source and {wanted} by the rules of the network")]
    BlobGasPrice {
        /// By the rules.
        wanted: i128,
        /// By the source.
        found: i128,
    },
    /// A day before time, or after it.
    #[error("its time {found} is no moment that can be stored")]
    Time {
        /// Unix seconds.
        found: u64,
    },
    /// The genesis allocation is another chain's.
    #[error("the accounts of the genesis file have the root {found}, its header says {wanted}")]
    Genesis {
        /// Root in the header.
        wanted: B256,
        /// Root of the allocation.
        found: B256,
    },
}
