//! The checks that a block must pass: its hash, and what its header commits to.

use alloy_primitives::{Address, B256};
use alloy_trie::root::ordered_trie_root_with_encoder;
use assay_model::BlockHash;

use super::Fault;
use crate::raw::ethereum::RawBlock;
use crate::rlp::block::all;
use crate::rlp::{Block, Reader, Receipt, Transaction};

/// Gas of one blob (EIP-4844).
pub(super) const GAS_PER_BLOB: i64 = 1 << 17;

/// A block that is what it claims to be.
pub(super) struct Checked<'a> {
    pub block: Block<'a>,
    pub receipts: Vec<Receipt<'a>>,
    /// By transaction.
    pub hashes: Vec<B256>,
    /// By transaction.
    pub senders: Vec<Address>,
}

impl<'a> Checked<'a> {
    /// Reads and checks the block `raw`.
    pub fn new(raw: &'a RawBlock) -> Result<Checked<'a>, Fault> {
        let mut reader = Reader::new(&raw.bytes);
        let block = Block::read(&mut reader).map_err(Fault::Block)?;
        reader.end("block").map_err(Fault::Block)?;
        check_header(raw, &block)?;
        check_body(&block)?;
        let receipts = read_receipts(&raw.receipts)?;
        check_receipts(&block, &receipts)?;
        let senders = match &raw.senders {
            Some(senders) => counted("senders", senders.clone(), &block)?,
            None => recover_senders(&block.transactions)?,
        };
        let hashes = block.transactions.iter().map(Transaction::hash).collect();
        Ok(Checked { block, receipts, hashes, senders })
    }
}

fn check_header(raw: &RawBlock, block: &Block<'_>) -> Result<(), Fault> {
    let header = &block.header;
    if BlockHash(header.hash.0) != raw.block.hash {
        return Err(Fault::WrongHash { found: header.hash });
    }
    if header.height != raw.block.height {
        return Err(Fault::WrongHeight { found: header.height });
    }
    if BlockHash(header.parent_hash.0) != raw.block.parent {
        return Err(Fault::WrongParent { found: header.parent_hash });
    }
    Ok(())
}

fn check_body(block: &Block<'_>) -> Result<(), Fault> {
    let header = &block.header;
    let root = root_of(&block.transactions, |transaction| transaction.bytes);
    same("transactions", header.transactions_root, root)?;
    same("uncles", header.uncles_hash, block.uncles_hash)?;
    match (header.withdrawals_root, &block.withdrawals) {
        (None, None) => {}
        (Some(root), Some(withdrawals)) => {
            same("withdrawals", root, root_of(withdrawals, |withdrawal| withdrawal.bytes))?;
        }
        _ => return Err(Fault::Withdrawals),
    }
    let blobs = |transaction: &Transaction<'_>| blob_count(transaction) as i64;
    let found = GAS_PER_BLOB * block.transactions.iter().map(blobs).sum::<i64>();
    match header.blob_gas_used.unwrap_or(0) {
        wanted if wanted == found => Ok(()),
        wanted => Err(Fault::BlobGas { wanted, found }),
    }
}

/// Number of blobs that a transaction carries.
pub(super) fn blob_count(transaction: &Transaction<'_>) -> usize {
    let mut hashes = transaction.blob_hashes;
    hashes.as_mut().map_or(0, |hashes| std::iter::from_fn(|| hashes.raw().ok()).count())
}

fn read_receipts(bytes: &[u8]) -> Result<Vec<Receipt<'_>>, Fault> {
    let mut reader = Reader::new(bytes);
    let items = reader.list().map_err(Fault::Receipts)?;
    reader.end("receipts").map_err(Fault::Receipts)?;
    all(items, Receipt::read).map_err(Fault::Receipts)
}

fn check_receipts(block: &Block<'_>, receipts: &[Receipt<'_>]) -> Result<(), Fault> {
    counted("receipts", receipts, block)?;
    let mut before = 0;
    for (tx_index, (transaction, receipt)) in block.transactions.iter().zip(receipts).enumerate() {
        if receipt.kind != transaction.kind {
            let (transaction, receipt) = (transaction.kind, receipt.kind);
            return Err(Fault::ReceiptType { tx_index, transaction, receipt });
        }
        if receipt.cumulative_gas_used < before {
            return Err(Fault::GasOrder { tx_index });
        }
        before = receipt.cumulative_gas_used;
    }
    let root = root_of(receipts, |receipt| receipt.bytes);
    same("receipts", block.header.receipts_root, root)?;
    match block.header.gas_used {
        wanted if wanted == before => Ok(()),
        wanted => Err(Fault::GasUsed { wanted, found: before }),
    }
}

fn recover_senders(transactions: &[Transaction<'_>]) -> Result<Vec<Address>, Fault> {
    let recover = |(tx_index, transaction): (usize, &Transaction<'_>)| {
        transaction.recover_sender().ok_or(Fault::Signature { tx_index })
    };
    transactions.iter().enumerate().map(recover).collect()
}

/// `items`, if there is one for each transaction.
fn counted<T: AsRef<[I]>, I>(what: &'static str, items: T, block: &Block<'_>) -> Result<T, Fault> {
    let (found, transactions) = (items.as_ref().len(), block.transactions.len());
    if found == transactions { Ok(items) } else { Err(Fault::Count { what, found, transactions }) }
}

fn same(what: &'static str, wanted: B256, found: B256) -> Result<(), Fault> {
    if wanted == found { Ok(()) } else { Err(Fault::WrongRoot { what, wanted, found }) }
}

/// Root of the tree that holds the bytes of `items` by their position (Yellow Paper, 4.3).
fn root_of<T>(items: &[T], bytes: impl Fn(&T) -> &[u8]) -> B256 {
    ordered_trie_root_with_encoder(items, |item, out| out.extend_from_slice(bytes(item)))
}
