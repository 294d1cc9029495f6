//! Receipts as nodes tell them, and as RLP.

use alloy_primitives::{Address, B256, Bloom, Bytes, U64, U256};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::block::{RpcBlock, kind};
use super::error::RpcFault;
use super::json::{is_null, needed, read, wei};
use crate::rlp::Outcome;
use crate::rlp::encode::{LogFields, ReceiptFields, list};

const RECEIPTS: &str = "receipts";

/// What the receipts of a block say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Receipts {
    /// The receipts in RLP: a list, typed receipts as strings.
    pub bytes: Vec<u8>,
    /// What the block paid per blob gas, if that is told.
    pub blob_gas_price: Option<i128>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    block_hash: B256,
    transaction_hash: B256,
    #[serde(rename = "type")]
    kind: Option<U64>,
    status: Option<U64>,
    root: Option<Bytes>,
    cumulative_gas_used: U64,
    logs_bloom: Bloom,
    logs: Vec<Log>,
    blob_gas_price: Option<U256>,
}

#[derive(Debug, Deserialize)]
struct Log {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

/// Reads the receipts of `block`: the result of `eth_getBlockReceipts`. `None` if they are of
/// another block.
pub(super) fn of_block(block: &RpcBlock, text: &RawValue) -> Result<Option<Receipts>, RpcFault> {
    // Some nodes have nothing to say of a block without transactions.
    let is_empty = is_null(text) && block.hashes().len() == 0;
    written(block, if is_empty { Vec::new() } else { read(RECEIPTS, text)? })
}

/// Reads the receipts of `block`: one result of `eth_getTransactionReceipt` for each transaction.
/// `None` if they are of another block.
pub(super) fn single(
    block: &RpcBlock,
    texts: &[Box<RawValue>],
) -> Result<Option<Receipts>, RpcFault> {
    // Of a transaction that the chain dropped in the meantime, there is no receipt.
    if texts.iter().any(|text| is_null(text)) {
        return Ok(None);
    }
    let receipts = texts.iter().map(|text| read("receipt", text)).collect::<Result<_, _>>()?;
    written(block, receipts)
}

fn written(block: &RpcBlock, receipts: Vec<Receipt>) -> Result<Option<Receipts>, RpcFault> {
    let is_of_block = |receipt: &Receipt| receipt.block_hash.0 == block.block.hash.0;
    if !receipts.iter().all(is_of_block) {
        return Ok(None);
    }
    let hashes = receipts.iter().map(|receipt| receipt.transaction_hash);
    if !hashes.eq(block.hashes()) {
        let reason = "they are not those of the block's transactions, in their order";
        return Err(RpcFault::malformed(RECEIPTS, reason));
    }
    let mut blob_gas_price = None;
    for price in receipts.iter().filter_map(|receipt| receipt.blob_gas_price) {
        blob_gas_price = Some(wei("blobGasPrice", price)?);
    }
    let receipts: Vec<ReceiptFields> =
        receipts.into_iter().map(Receipt::fields).collect::<Result<_, _>>()?;
    let mut bytes = Vec::new();
    list(&mut bytes, |out| receipts.iter().for_each(|receipt| receipt.encode_in_list(out)));
    Ok(Some(Receipts { bytes, blob_gas_price }))
}

impl Receipt {
    fn fields(self) -> Result<ReceiptFields, RpcFault> {
        let log = |log: Log| LogFields { address: log.address, topics: log.topics, data: log.data };
        Ok(ReceiptFields {
            kind: kind("receipt", self.kind)?,
            outcome: self.outcome()?,
            cumulative_gas_used: self.cumulative_gas_used.to(),
            logs_bloom: self.logs_bloom,
            logs: self.logs.into_iter().map(log).collect(),
        })
    }

    /// How the transaction ended. Before Byzantium, receipts have a root, and some nodes make up a
    /// status that is not in the tree of receipts.
    fn outcome(&self) -> Result<Outcome, RpcFault> {
        let root = self.root.as_ref().and_then(|root| B256::try_from(&root[..]).ok());
        match (root, self.status.map(|status| status.to::<u64>())) {
            (Some(root), _) => Ok(Outcome::StateRoot(root)),
            (None, Some(status @ (0 | 1))) => Ok(Outcome::Status(status == 1)),
            (None, status) => {
                needed("receipt", "status and no root", status)?;
                Err(RpcFault::malformed("receipt", "its status is not 0 or 1"))
            }
        }
    }
}
