//! Ethereum: blocks as they came, with receipts, and what their execution did.

use alloy_primitives::{Address, Bytes};
use assay_model::{BlockRef, Chain};

use super::Raw;

/// A block as it came from its source.
#[derive(Clone, Debug)]
pub struct RawBlock {
    /// Which block it is.
    pub block: BlockRef,
    /// The block in RLP: header, transactions, uncles, withdrawals.
    pub bytes: Vec<u8>,
    /// The receipts of its transactions in RLP: a list, typed receipts as strings.
    pub receipts: Vec<u8>,
    /// The senders of its transactions, if the source says them; else they are recovered from the
    /// signatures.
    pub senders: Option<Vec<Address>>,
    /// What it paid per blob gas, wei, as 38 digits hold it, if the source says it; else it is
    /// computed.
    pub blob_gas_price: Option<i128>,
    /// What its execution did, if the source knows it.
    pub traces: Option<Vec<Trace>>,
    /// Of [`DAO_ACCOUNTS`](super::dao::DAO_ACCOUNTS), what each had before the block, wei, as 38
    /// digits hold it: if the block is the one that took it from them, and the source says it.
    pub dao_balances: Option<Vec<i128>>,
    /// Where it was read, for messages.
    pub place: String,
}

impl RawBlock {
    /// The block in `bytes` with its `receipts`, read at `place`, of which the source says no more.
    pub fn new(block: BlockRef, bytes: Vec<u8>, receipts: Vec<u8>, place: String) -> RawBlock {
        RawBlock {
            block,
            bytes,
            receipts,
            senders: None,
            blob_gas_price: None,
            traces: None,
            dao_balances: None,
            place,
        }
    }
}

impl Raw for RawBlock {
    const CHAIN: Chain = Chain::Ethereum;

    fn block(&self) -> BlockRef {
        self.block
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// One step of a block's execution, in the order of execution: parents before children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Position of the transaction in the block; `None` for rewards.
    pub tx_index: Option<u32>,
    /// Path in the transaction's tree of calls.
    pub trace_address: Vec<u32>,
    /// Number of direct children.
    pub subtrace_count: u32,
    /// What it did.
    pub action: Action,
    /// Why it failed, in the words of the source.
    pub error: Option<String>,
}

/// What a step of execution did. Amounts are in wei, as 38 digits hold them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A call of an account.
    Call {
        /// Which instruction.
        kind: CallKind,
        /// The caller.
        from: Address,
        /// The account whose code runs.
        to: Address,
        /// Ether that is sent along.
        value: i128,
        /// Call data.
        input: Bytes,
        /// Gas that it may use.
        gas: i64,
        /// Gas that it used, if the source says so.
        gas_used: Option<i64>,
        /// What it returned; `None` if it failed without.
        output: Option<Bytes>,
    },
    /// The creation of a contract.
    Create {
        /// Which instruction, if the source says so.
        kind: Option<CreateKind>,
        /// The creator.
        from: Address,
        /// The contract; `None` if it failed.
        to: Option<Address>,
        /// Ether that is sent along.
        value: i128,
        /// Code that creates it.
        init: Bytes,
        /// Gas that it may use.
        gas: i64,
        /// Gas that it used, if the source says so.
        gas_used: Option<i64>,
        /// Code of the contract; `None` if it failed.
        code: Option<Bytes>,
    },
    /// A self-destruction.
    SelfDestruct {
        /// The contract.
        address: Address,
        /// Who inherits.
        heir: Address,
        /// What there is to inherit.
        balance: i128,
    },
    /// New ether for a miner.
    Reward {
        /// For what.
        kind: RewardKind,
        /// The miner.
        miner: Address,
        /// How much.
        value: i128,
    },
}

/// The instruction of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// CALL, or a transaction.
    Call,
    /// CALLCODE: code of another account, run in the caller's own.
    CallCode,
    /// DELEGATECALL: the same, with sender and value of the caller's own call.
    DelegateCall,
    /// STATICCALL: changes nothing.
    StaticCall,
}

/// The instruction of a creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateKind {
    /// CREATE, or a transaction.
    Create,
    /// CREATE2.
    Create2,
}

/// For what a reward is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RewardKind {
    /// The block.
    Block,
    /// An uncle.
    Uncle,
}

impl CallKind {
    /// Name in tables, the same as in sources.
    pub fn name(self) -> &'static str {
        match self {
            CallKind::Call => "call",
            CallKind::CallCode => "callcode",
            CallKind::DelegateCall => "delegatecall",
            CallKind::StaticCall => "staticcall",
        }
    }
}

impl CreateKind {
    /// Name in tables, the same as in sources.
    pub fn name(self) -> &'static str {
        match self {
            CreateKind::Create => "create",
            CreateKind::Create2 => "create2",
        }
    }
}

impl RewardKind {
    /// Name in tables, the same as in sources.
    pub fn name(self) -> &'static str {
        match self {
            RewardKind::Block => "block",
            RewardKind::Uncle => "uncle",
        }
    }
}
