//! Blocks made up around something real: traces or receipts whose block is not kept whole. What is
//! made up is what the real part does not say; roots and hash follow, so decoding takes the block.
#![allow(dead_code, reason = "each test file uses its part")]

use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U256, keccak256};
use alloy_trie::root::ordered_trie_root_with_encoder;
use assay_indexer::decode::ethereum::Rules;
use assay_indexer::raw::ethereum::{Action, RawBlock, RewardKind, Trace};
use assay_indexer::rlp::Outcome;
use assay_indexer::rlp::encode::{
    HeaderFields, ReceiptFields, TransactionFields, WithdrawalFields, list,
};
use assay_model::ethereum::Network;
use assay_model::{BlockHash, BlockRef};

/// Gas of a made-up transaction.
const GAS: u64 = 21_000;

/// A block in fields.
pub struct MadeUp {
    pub header: HeaderFields,
    /// Each with its sender: nobody signed it.
    pub transactions: Vec<(Address, TransactionFields)>,
    pub uncles: Vec<HeaderFields>,
    pub receipts: Vec<ReceiptFields>,
    pub withdrawals: Option<Vec<WithdrawalFields>>,
    pub traces: Option<Vec<Trace>>,
}

/// A header that says as little as possible.
pub fn header(height: u64) -> HeaderFields {
    HeaderFields {
        parent_hash: B256::ZERO,
        uncles_hash: B256::ZERO,
        miner: Address::ZERO,
        state_root: B256::ZERO,
        transactions_root: B256::ZERO,
        receipts_root: B256::ZERO,
        logs_bloom: Bloom::ZERO,
        difficulty: U256::ZERO,
        height,
        gas_limit: 0,
        gas_used: 0,
        time: 0,
        extra_data: Bytes::new(),
        mix_hash: B256::ZERO,
        nonce: B64::ZERO,
        base_fee_per_gas: None,
        withdrawals_root: None,
        blob_gas_used: None,
        excess_blob_gas: None,
        parent_beacon_root: None,
        requests_hash: None,
    }
}

/// A transaction that says as little as possible, with a signature that is none, and another one at
/// each `place`: so no two have the same hash.
pub fn transaction(place: usize) -> TransactionFields {
    TransactionFields {
        kind: 0,
        chain_id: None,
        nonce: 0,
        gas_price: U256::ZERO,
        max_priority_fee_per_gas: U256::ZERO,
        max_fee_per_gas: U256::ZERO,
        gas_limit: GAS,
        to: None,
        value: U256::ZERO,
        input: Bytes::new(),
        access_list: Vec::new(),
        max_fee_per_blob_gas: U256::ZERO,
        blob_hashes: Vec::new(),
        authorizations: Vec::new(),
        y_parity: false,
        r: U256::from(place + 1),
        s: U256::from(1),
    }
}

/// The receipt of a transaction that logs nothing, the one at `place`.
pub fn receipt(place: usize, has_succeeded: bool) -> ReceiptFields {
    ReceiptFields {
        kind: 0,
        outcome: Outcome::Status(has_succeeded),
        cumulative_gas_used: GAS * (place as u64 + 1),
        logs_bloom: Bloom::ZERO,
        logs: Vec::new(),
    }
}

/// A block of mainnet at `height` that did what `traces` say: its transactions are the calls that
/// stand at the root, and its uncles are as old as their rewards say.
pub fn around(height: u64, traces: Vec<Trace>) -> MadeUp {
    let of_transactions = || traces.iter().filter(|trace| trace.tx_index.is_some());
    let roots: Vec<&Trace> =
        of_transactions().filter(|trace| trace.trace_address.is_empty()).collect();
    let transactions =
        roots.iter().enumerate().map(|(at, trace)| sent(at, &trace.action)).collect();
    let receipts: Vec<_> =
        roots.iter().enumerate().map(|(at, trace)| receipt(at, trace.error.is_none())).collect();
    let uncles = traces.iter().filter_map(|trace| uncle(height, &trace.action)).collect::<Vec<_>>();
    let mut header = header(height);
    // With proof of work, there are rewards.
    header.difficulty = U256::from(u8::from(of_transactions().count() < traces.len()));
    header.gas_used = GAS * receipts.len() as u64;
    MadeUp { header, transactions, uncles, receipts, withdrawals: None, traces: Some(traces) }
}

/// The transaction at `place`, which starts with `action`, and its sender.
fn sent(place: usize, action: &Action) -> (Address, TransactionFields) {
    let (from, to, value, input) = match action {
        Action::Call { from, to, value, input, .. } => (*from, Some(*to), *value, input),
        Action::Create { from, value, init, .. } => (*from, None, *value, init),
        other => panic!("no transaction starts with {other:?}"),
    };
    let value = U256::from(u128::try_from(value).expect("amounts are not negative"));
    (from, TransactionFields { to, value, input: input.clone(), ..transaction(place) })
}

/// The uncle of a block of mainnet at `height` that `action` rewards, if it does.
fn uncle(height: u64, action: &Action) -> Option<HeaderFields> {
    let Action::Reward { kind: RewardKind::Uncle, miner, value } = action else { return None };
    let rewards = Rules::of(Network::MAINNET).rewards.expect("mainnet had proof of work");
    let depth = 8 - value * 8 / rewards.of_block(height);
    let depth = u64::try_from(depth).expect("rewards of uncles are less than a block's");
    Some(HeaderFields { miner: *miner, ..header(height - depth) })
}

impl MadeUp {
    /// The block as a source gives it: with the roots and the hash that follow.
    pub fn raw(mut self) -> RawBlock {
        let mut uncles = Vec::new();
        list(&mut uncles, |out| self.uncles.iter().for_each(|uncle| uncle.encode(out)));
        self.header.uncles_hash = keccak256(&uncles);
        self.header.transactions_root =
            ordered_trie_root_with_encoder(&self.transactions, |(_, item), out| item.encode(out));
        self.header.receipts_root =
            ordered_trie_root_with_encoder(&self.receipts, |item, out| item.encode(out));
        let withdrawals = self.withdrawals.as_ref();
        self.header.withdrawals_root = withdrawals
            .map(|items| ordered_trie_root_with_encoder(items, |item, out| item.encode(out)));
        let mut header = Vec::new();
        self.header.encode(&mut header);
        let (height, hash) = (self.header.height, BlockHash(keccak256(&header).0));
        let mut bytes = Vec::new();
        list(&mut bytes, |out| {
            out.extend(header);
            list(out, |out| self.transactions.iter().for_each(|(_, tx)| tx.encode_in_block(out)));
            out.extend(uncles);
            if let Some(items) = withdrawals {
                list(out, |out| items.iter().for_each(|item| item.encode(out)));
            }
        });
        let mut receipts = Vec::new();
        list(&mut receipts, |out| {
            self.receipts.iter().for_each(|receipt| receipt.encode_in_list(out));
        });
        let block = BlockRef { height, hash, parent: BlockHash(self.header.parent_hash.0) };
        RawBlock {
            senders: Some(self.transactions.iter().map(|(sender, _)| *sender).collect()),
            traces: self.traces,
            ..RawBlock::new(block, bytes, receipts, "made up".to_owned())
        }
    }
}
