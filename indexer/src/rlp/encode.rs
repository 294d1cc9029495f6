//! Writing RLP: blocks and receipts out of their fields, for sources that give fields and not bytes.
//!
//! What is written is what the fields say: whether it is what a header commits to, decode finds out.

use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U256};
use alloy_rlp::{Encodable, Header as RlpHeader};

/// Fields of a block header. Those that came with a fork are `None` before it, and those of a later
/// fork are `None` wherever one of an earlier is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of the header that is read")]
pub struct HeaderFields {
    pub parent_hash: B256,
    pub uncles_hash: B256,
    pub miner: Address,
    pub state_root: B256,
    pub transactions_root: B256,
    pub receipts_root: B256,
    pub logs_bloom: Bloom,
    pub difficulty: U256,
    pub height: u64,
    pub gas_limit: u64,
    pub gas_used: u64,
    pub time: u64,
    pub extra_data: Bytes,
    pub mix_hash: B256,
    pub nonce: B64,
    pub base_fee_per_gas: Option<U256>,
    pub withdrawals_root: Option<B256>,
    pub blob_gas_used: Option<u64>,
    pub excess_blob_gas: Option<u64>,
    pub parent_beacon_root: Option<B256>,
    pub requests_hash: Option<B256>,
}

/// Fields of a signed transaction; those that its type does not have are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of the transaction that is read")]
pub struct TransactionFields {
    pub kind: u8,
    pub chain_id: Option<u64>,
    pub nonce: u64,
    pub gas_price: U256,
    pub max_priority_fee_per_gas: U256,
    pub max_fee_per_gas: U256,
    pub gas_limit: u64,
    pub to: Option<Address>,
    pub value: U256,
    pub input: Bytes,
    pub access_list: Vec<(Address, Vec<B256>)>,
    pub max_fee_per_blob_gas: U256,
    pub blob_hashes: Vec<B256>,
    pub authorizations: Vec<super::Authorization>,
    pub y_parity: bool,
    pub r: U256,
    pub s: U256,
}

/// Fields of a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptFields {
    /// Type of the transaction.
    pub kind: u8,
    /// How it ended.
    pub outcome: super::Outcome,
    /// Gas used in the block up to and with this transaction.
    pub cumulative_gas_used: u64,
    /// Filter of the logs.
    pub logs_bloom: Bloom,
    /// The logs.
    pub logs: Vec<LogFields>,
}

/// Fields of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFields {
    /// The contract.
    pub address: Address,
    /// Its topics.
    pub topics: Vec<B256>,
    /// The rest.
    pub data: Bytes,
}

/// Fields of a withdrawal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WithdrawalFields {
    /// Number of the withdrawal.
    pub index: u64,
    /// The validator.
    pub validator_index: u64,
    /// Who receives it.
    pub address: Address,
    /// How much, Gwei.
    pub amount_gwei: u64,
}

/// Appends a list with the items that `write` writes.
pub fn list(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    prefixed(true, out, write);
}

/// Appends what `write` writes, as a list or else as a string of at least two bytes.
fn prefixed(is_list: bool, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    write(out);
    let prefix = RlpHeader { list: is_list, payload_length: out.len() - start };
    // The length is known only now: it is written behind, and brought to the front.
    prefix.encode(out);
    out[start..].rotate_right(prefix.length());
}

/// Appends `value`, if there is one.
fn optional(value: &Option<impl Encodable>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        value.encode(out);
    }
}

/// Appends an address, or nothing in its place.
fn address_or_nothing(address: Option<Address>, out: &mut Vec<u8>) {
    match address {
        Some(address) => address.encode(out),
        None => out.push(alloy_rlp::EMPTY_STRING_CODE),
    }
}

impl HeaderFields {
    /// Appends the header.
    pub fn encode(&self, out: &mut Vec<u8>) {
        list(out, |out| {
            self.parent_hash.encode(out);
            self.uncles_hash.encode(out);
            self.miner.encode(out);
            self.state_root.encode(out);
            self.transactions_root.encode(out);
            self.receipts_root.encode(out);
            self.logs_bloom.encode(out);
            self.difficulty.encode(out);
            self.height.encode(out);
            self.gas_limit.encode(out);
            self.gas_used.encode(out);
            self.time.encode(out);
            self.extra_data.encode(out);
            self.mix_hash.encode(out);
            self.nonce.encode(out);
            optional(&self.base_fee_per_gas, out);
            optional(&self.withdrawals_root, out);
            optional(&self.blob_gas_used, out);
            optional(&self.excess_blob_gas, out);
            optional(&self.parent_beacon_root, out);
            optional(&self.requests_hash, out);
        });
    }
}

impl TransactionFields {
    /// Appends what is hashed, and what the tree of transactions holds.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if self.kind > 0 {
            out.push(self.kind);
        }
        list(out, |out| if self.kind == 0 { self.legacy(out) } else { self.typed(out) });
    }

    /// Appends it as blocks hold it: typed transactions as strings (EIP-2718).
    pub fn encode_in_block(&self, out: &mut Vec<u8>) {
        in_list(self.kind, out, |out| self.encode(out));
    }

    fn legacy(&self, out: &mut Vec<u8>) {
        self.nonce.encode(out);
        self.gas_price.encode(out);
        self.gas_limit.encode(out);
        address_or_nothing(self.to, out);
        self.value.encode(out);
        self.input.encode(out);
        // EIP-155.
        let v = match self.chain_id {
            Some(chain_id) => u128::from(chain_id) * 2 + 35,
            None => 27,
        };
        (v + u128::from(self.y_parity)).encode(out);
        self.r.encode(out);
        self.s.encode(out);
    }

    fn typed(&self, out: &mut Vec<u8>) {
        self.chain_id.unwrap_or(0).encode(out);
        self.nonce.encode(out);
        if self.kind == 1 {
            self.gas_price.encode(out);
        } else {
            self.max_priority_fee_per_gas.encode(out);
            self.max_fee_per_gas.encode(out);
        }
        self.gas_limit.encode(out);
        address_or_nothing(self.to, out);
        self.value.encode(out);
        self.input.encode(out);
        list(out, |out| {
            for (address, keys) in &self.access_list {
                list(out, |out| {
                    address.encode(out);
                    list(out, |out| keys.iter().for_each(|key| key.encode(out)));
                });
            }
        });
        if self.kind == 3 {
            self.max_fee_per_blob_gas.encode(out);
            list(out, |out| self.blob_hashes.iter().for_each(|hash| hash.encode(out)));
        }
        if self.kind == 4 {
            list(out, |out| self.authorizations.iter().for_each(|item| item.encode(out)));
        }
        self.y_parity.encode(out);
        self.r.encode(out);
        self.s.encode(out);
    }
}

impl super::Authorization {
    /// Appends the authorisation.
    pub fn encode(&self, out: &mut Vec<u8>) {
        list(out, |out| {
            self.chain_id.encode(out);
            self.address.encode(out);
            self.nonce.encode(out);
            self.y_parity.encode(out);
            self.r.encode(out);
            self.s.encode(out);
        });
    }
}

impl ReceiptFields {
    /// Appends what the tree of receipts holds.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if self.kind > 0 {
            out.push(self.kind);
        }
        list(out, |out| {
            match self.outcome {
                super::Outcome::Status(status) => status.encode(out),
                super::Outcome::StateRoot(root) => root.encode(out),
            }
            self.cumulative_gas_used.encode(out);
            self.logs_bloom.encode(out);
            list(out, |out| self.logs.iter().for_each(|log| log.encode(out)));
        });
    }

    /// Appends it as lists of receipts hold it: typed receipts as strings.
    pub fn encode_in_list(&self, out: &mut Vec<u8>) {
        in_list(self.kind, out, |out| self.encode(out));
    }
}

impl LogFields {
    fn encode(&self, out: &mut Vec<u8>) {
        list(out, |out| {
            self.address.encode(out);
            list(out, |out| self.topics.iter().for_each(|topic| topic.encode(out)));
            self.data.encode(out);
        });
    }
}

impl WithdrawalFields {
    /// Appends the withdrawal.
    pub fn encode(&self, out: &mut Vec<u8>) {
        list(out, |out| {
            self.index.encode(out);
            self.validator_index.encode(out);
            self.address.encode(out);
            self.amount_gwei.encode(out);
        });
    }
}

/// Appends what `write` writes: as it is if `kind` is legacy, else as a string.
fn in_list(kind: u8, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    if kind == 0 { write(out) } else { prefixed(false, out, write) }
}
