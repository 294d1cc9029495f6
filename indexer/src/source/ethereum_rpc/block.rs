//! Blocks as nodes tell them, and as RLP.
//!
//! What is written is what the node says; whether the block's hash follows from it, decode finds
//! out.

use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U64, U256};
use assay_model::{BlockHash, BlockRef};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::RpcFault;
use super::json::{needed, read};
use crate::rlp::Authorization;
use crate::rlp::encode::{HeaderFields, TransactionFields, WithdrawalFields, list};

const BLOCK: &str = "block";
const TRANSACTION: &str = "transaction";

/// Which block it is: what all nodes say of every block.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Identity {
    number: U64,
    hash: B256,
    parent_hash: B256,
}

impl Identity {
    pub fn block(&self) -> BlockRef {
        BlockRef {
            height: self.number.to(),
            hash: BlockHash(self.hash.0),
            parent: BlockHash(self.parent_hash.0),
        }
    }
}

/// A block that came with its transactions.
#[derive(Clone, Debug)]
pub(super) struct RpcBlock {
    pub block: BlockRef,
    /// Hashes of its uncles.
    pub uncles: Vec<B256>,
    header: HeaderFields,
    transactions: Vec<Transaction>,
    withdrawals: Option<Vec<WithdrawalFields>>,
}

/// A block, or an uncle, which has the fields of a header alone. It is one type so that the text,
/// most of which is transactions, is gone through once.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    hash: Option<B256>,
    parent_hash: B256,
    sha3_uncles: B256,
    miner: Address,
    state_root: B256,
    transactions_root: B256,
    receipts_root: B256,
    logs_bloom: Bloom,
    difficulty: U256,
    number: U64,
    gas_limit: U64,
    gas_used: U64,
    timestamp: U64,
    extra_data: Bytes,
    mix_hash: B256,
    nonce: B64,
    base_fee_per_gas: Option<U256>,
    withdrawals_root: Option<B256>,
    blob_gas_used: Option<U64>,
    excess_blob_gas: Option<U64>,
    parent_beacon_block_root: Option<B256>,
    requests_hash: Option<B256>,
    transactions: Option<Vec<Transaction>>,
    #[serde(default)]
    uncles: Vec<B256>,
    withdrawals: Option<Vec<Withdrawal>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transaction {
    hash: B256,
    from: Address,
    #[serde(rename = "type")]
    kind: Option<U64>,
    chain_id: Option<U64>,
    nonce: U64,
    gas_price: Option<U256>,
    max_priority_fee_per_gas: Option<U256>,
    max_fee_per_gas: Option<U256>,
    gas: U64,
    to: Option<Address>,
    value: U256,
    input: Option<Bytes>,
    data: Option<Bytes>,
    access_list: Option<Vec<AccessListItem>>,
    max_fee_per_blob_gas: Option<U256>,
    blob_versioned_hashes: Option<Vec<B256>>,
    authorization_list: Option<Vec<RpcAuthorization>>,
    v: Option<U256>,
    y_parity: Option<U64>,
    r: U256,
    s: U256,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccessListItem {
    address: Address,
    storage_keys: Option<Vec<B256>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RpcAuthorization {
    chain_id: U256,
    address: Address,
    nonce: U64,
    y_parity: Option<U256>,
    v: Option<U256>,
    r: U256,
    s: U256,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Withdrawal {
    index: U64,
    validator_index: U64,
    address: Address,
    amount: U64,
}

/// Reads the result of `eth_getBlockByNumber` with whole transactions.
pub(super) fn block(text: &RawValue) -> Result<RpcBlock, RpcFault> {
    let mut header: Header = read(BLOCK, text)?;
    let (number, parent_hash) = (header.number, header.parent_hash);
    let hash = needed(BLOCK, "hash", header.hash)?;
    let withdrawals = header.withdrawals.take();
    Ok(RpcBlock {
        block: Identity { number, hash, parent_hash }.block(),
        uncles: std::mem::take(&mut header.uncles),
        transactions: needed(BLOCK, "transactions", header.transactions.take())?,
        withdrawals: withdrawals.map(|items| items.iter().map(Withdrawal::fields).collect()),
        header: header.fields(),
    })
}

/// Reads the header of an uncle, and writes it as RLP.
pub(super) fn uncle(text: &RawValue) -> Result<Vec<u8>, RpcFault> {
    let header: Header = read("uncle", text)?;
    let mut bytes = Vec::new();
    header.fields().encode(&mut bytes);
    Ok(bytes)
}

impl RpcBlock {
    /// Hashes of the transactions, as the node says.
    pub fn hashes(&self) -> impl ExactSizeIterator<Item = B256> + '_ {
        self.transactions.iter().map(|transaction| transaction.hash)
    }

    /// Senders of the transactions, as the node says.
    pub fn senders(&self) -> Vec<Address> {
        self.transactions.iter().map(|transaction| transaction.from).collect()
    }

    /// The block in RLP, with `uncles`, which are headers in RLP.
    pub fn encode(&self, uncles: &[Vec<u8>]) -> Result<Vec<u8>, RpcFault> {
        let transactions: Vec<TransactionFields> =
            self.transactions.iter().map(Transaction::fields).collect::<Result<_, _>>()?;
        let mut bytes = Vec::new();
        list(&mut bytes, |out| {
            self.header.encode(out);
            list(out, |out| transactions.iter().for_each(|item| item.encode_in_block(out)));
            list(out, |out| uncles.iter().for_each(|uncle| out.extend_from_slice(uncle)));
            if let Some(withdrawals) = &self.withdrawals {
                list(out, |out| withdrawals.iter().for_each(|item| item.encode(out)));
            }
        });
        Ok(bytes)
    }
}

impl Header {
    fn fields(self) -> HeaderFields {
        HeaderFields {
            parent_hash: self.parent_hash,
            uncles_hash: self.sha3_uncles,
            miner: self.miner,
            state_root: self.state_root,
            transactions_root: self.transactions_root,
            receipts_root: self.receipts_root,
            logs_bloom: self.logs_bloom,
            difficulty: self.difficulty,
            height: self.number.to(),
            gas_limit: self.gas_limit.to(),
            gas_used: self.gas_used.to(),
            time: self.timestamp.to(),
            extra_data: self.extra_data,
            mix_hash: self.mix_hash,
            nonce: self.nonce,
            base_fee_per_gas: self.base_fee_per_gas,
            withdrawals_root: self.withdrawals_root,
            blob_gas_used: self.blob_gas_used.map(|gas| gas.to()),
            excess_blob_gas: self.excess_blob_gas.map(|gas| gas.to()),
            parent_beacon_root: self.parent_beacon_block_root,
            requests_hash: self.requests_hash,
        }
    }
}

impl Transaction {
    fn fields(&self) -> Result<TransactionFields, RpcFault> {
        let kind = kind(TRANSACTION, self.kind)?;
        let (chain_id, y_parity) = self.signed_for(kind)?;
        let input = self.input.clone().or_else(|| self.data.clone());
        let keys =
            |item: &AccessListItem| (item.address, item.storage_keys.clone().unwrap_or_default());
        let access_list = self.access_list.iter().flatten().map(keys).collect();
        let authorizations = self.authorization_list.iter().flatten();
        // Fields that the type does not have are not written.
        let priced = |field, price: Option<U256>, is_needed| match is_needed {
            true => needed(TRANSACTION, field, price),
            false => Ok(U256::ZERO),
        };
        Ok(TransactionFields {
            kind,
            chain_id,
            nonce: self.nonce.to(),
            gas_price: priced("gasPrice", self.gas_price, kind < 2)?,
            max_priority_fee_per_gas: priced(
                "maxPriorityFeePerGas",
                self.max_priority_fee_per_gas,
                kind >= 2,
            )?,
            max_fee_per_gas: priced("maxFeePerGas", self.max_fee_per_gas, kind >= 2)?,
            gas_limit: self.gas.to(),
            to: self.to,
            value: self.value,
            input: needed(TRANSACTION, "input", input)?,
            access_list,
            max_fee_per_blob_gas: priced("maxFeePerBlobGas", self.max_fee_per_blob_gas, kind == 3)?,
            blob_hashes: self.blob_versioned_hashes.clone().unwrap_or_default(),
            authorizations: authorizations
                .map(RpcAuthorization::fields)
                .collect::<Result<_, _>>()?,
            y_parity,
            r: self.r,
            s: self.s,
        })
    }

    /// The chain that it is signed for, and the parity of its signature. Legacy transactions have
    /// both in `v` (EIP-155), and not every node says them apart from it.
    fn signed_for(&self, kind: u8) -> Result<(Option<u64>, bool), RpcFault> {
        if kind == 0 {
            let v = needed(TRANSACTION, "v", self.v)?;
            return match u128::try_from(v) {
                Ok(v @ (27 | 28)) => Ok((None, v == 28)),
                Ok(v @ 35..) => match u64::try_from((v - 35) / 2) {
                    Ok(chain_id) => Ok((Some(chain_id), (v - 35) % 2 == 1)),
                    Err(_) => Err(RpcFault::NumberTooLarge { field: "v", value: U256::from(v) }),
                },
                _ => Err(RpcFault::malformed(TRANSACTION, format_args!("its v is {v}"))),
            };
        }
        let chain_id = needed(TRANSACTION, "chainId", self.chain_id)?.to();
        let parity = self.y_parity.map(|parity| U256::from(parity.to::<u64>())).or(self.v);
        let is_odd = match needed(TRANSACTION, "yParity", parity)?.try_into() {
            Ok(0u64) => false,
            Ok(1) => true,
            _ => return Err(RpcFault::malformed(TRANSACTION, "its yParity is not 0 or 1")),
        };
        Ok((Some(chain_id), is_odd))
    }
}

/// The type of a transaction, or of its receipt: a `what`.
pub(super) fn kind(what: &'static str, kind: Option<U64>) -> Result<u8, RpcFault> {
    let kind = kind.map_or(0, |kind| kind.to::<u64>());
    match u8::try_from(kind) {
        Ok(kind @ 0..=4) => Ok(kind),
        _ => Err(RpcFault::malformed(what, format_args!("its type {kind} is not known"))),
    }
}

impl RpcAuthorization {
    fn fields(&self) -> Result<Authorization, RpcFault> {
        let parity = needed("authorization", "yParity", self.y_parity.or(self.v))?;
        let y_parity = u8::try_from(parity)
            .map_err(|_| RpcFault::NumberTooLarge { field: "yParity", value: parity })?;
        Ok(Authorization {
            chain_id: self.chain_id,
            address: self.address,
            nonce: self.nonce.to(),
            y_parity,
            r: self.r,
            s: self.s,
        })
    }
}

impl Withdrawal {
    fn fields(&self) -> WithdrawalFields {
        WithdrawalFields {
            index: self.index.to(),
            validator_index: self.validator_index.to(),
            address: self.address,
            amount_gwei: self.amount.to(),
        }
    }
}
