//! What can be wrong with a block.

use assay_model::BlockHash;

use crate::raw::bitcoin::RawBlock;
use crate::wire::WireError;

/// A block is not valid: which, where it was read, and why.
#[derive(Debug, thiserror::Error)]
#[error(
    "block {height} {hash} ({place}) is not valid; all blocks below it are indexed. Restore the file \
     that it is read from, and run again"
)]
pub struct DecodeError {
    /// Height.
    pub height: u64,
    /// Hash.
    pub hash: BlockHash,
    /// Where its bytes are kept.
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
    Wire(#[from] WireError),
    /// The header is another block's.
    #[error("its header hashes to {found}")]
    WrongHash {
        /// The hash of the header.
        found: BlockHash,
    },
    /// The block does not follow the one that it should.
    #[error("its parent is {found}")]
    WrongParent {
        /// The parent that the header names.
        found: BlockHash,
    },
    /// The hash is above the target.
    #[error("its hash is above the target, so it has no proof of work")]
    NoProofOfWork,
    /// No transactions.
    #[error("it has no transactions")]
    NoTransactions,
    /// The first transaction is no coinbase, or another one is.
    #[error("transaction {tx_index}: only the first must be a coinbase, and it must be one")]
    Coinbase {
        /// Place in the block.
        tx_index: usize,
    },
    /// An input of a transaction other than the coinbase spends nothing.
    #[error("transaction {tx_index}: an input spends no output")]
    NullInput {
        /// Place in the block.
        tx_index: usize,
    },
    /// The transactions are not those that the header commits to.
    #[error("its transactions are not those of the header's merkle root: the data is damaged")]
    MerkleRoot,
    /// The witnesses are not those that the coinbase commits to.
    #[error("its witnesses are not those that the coinbase commits to: the data is damaged")]
    WitnessCommitment,
    /// Witnesses that the coinbase does not commit to.
    #[error("it has witnesses, and the coinbase does not commit to any")]
    UnexpectedWitness,
    /// The coinbase commits to witnesses and they are gone.
    #[error("its witnesses were taken away: the data comes from a node without SegWit")]
    WitnessMissing,
    /// The spent outputs are not this block's.
    #[error("it has {found} transactions, its undo data {spent}: the undo data is another block's")]
    SpentTransactions {
        /// Transactions of the block, the coinbase left out.
        found: usize,
        /// Transactions of the undo data.
        spent: usize,
    },
    /// The spent outputs are not this transaction's.
    #[error(
        "transaction {tx_index} has {found} inputs, its undo data {spent}: the undo data is \
         another block's"
    )]
    SpentInputs {
        /// Place in the block.
        tx_index: usize,
        /// Inputs of the transaction.
        found: usize,
        /// Inputs of the undo data.
        spent: usize,
    },
    /// A value, or a sum of values, above 21 million coins.
    #[error("transaction {tx_index}: a value is above the supply that can ever exist")]
    ValueTooLarge {
        /// Place in the block.
        tx_index: usize,
    },
    /// More is paid out than came in.
    #[error("transaction {tx_index} pays out {output} satoshi and has only {input}")]
    NegativeFee {
        /// Place in the block.
        tx_index: usize,
        /// What it spends.
        input: u64,
        /// What it pays.
        output: u64,
    },
    /// The miner took too much.
    #[error("its coinbase pays out {claimed} satoshi, subsidy and fees allow {allowed}")]
    CoinbaseTooLarge {
        /// What the coinbase pays.
        claimed: u64,
        /// Subsidy and fees.
        allowed: u64,
    },
}
