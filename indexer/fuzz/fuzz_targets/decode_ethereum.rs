//! Any bytes as a block of Ethereum and as its receipts: an error, or as many rows as there are
//! transactions, logs and withdrawals. The first two bytes say how long the block is.

#![no_main]

use std::sync::Arc;

use assay_indexer::decode::Decode;
use assay_indexer::decode::ethereum::{Decoder, Rules};
use assay_indexer::raw::ethereum::RawBlock;
use assay_indexer::rlp::block::all;
use assay_indexer::rlp::{Block, Reader, Receipt};
use assay_model::ethereum::Network;
use assay_model::{BlockHash, BlockRef};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((length, rest)) = bytes.split_first_chunk() else { return };
    let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let (bytes, receipts) = rest.split_at(length);
    // Receipts are read even where no block fits them.
    let mut reader = Reader::new(receipts);
    let read = reader.list().and_then(|items| all(items, Receipt::read));
    let Ok(block) = Block::read(&mut Reader::new(bytes)) else { return };
    assert!(block.size <= bytes.len());
    for transaction in &block.transactions {
        _ = transaction.hash();
        _ = transaction.recover_sender();
    }
    let header = &block.header;
    let raw = RawBlock {
        block: BlockRef {
            height: header.height,
            hash: BlockHash(header.hash.0),
            parent: BlockHash(header.parent_hash.0),
        },
        bytes: bytes.to_vec(),
        receipts: receipts.to_vec(),
        senders: None,
        blob_gas_price: None,
        traces: None,
        place: String::new(),
    };
    let rules = Arc::new(Rules::of(Network::MAINNET));
    let decoder = Decoder { rules, genesis: None, with_traces: true };
    if let Ok(batch) = decoder.decode(&[raw]) {
        let receipts = read.expect("what is decoded is read");
        let logs: usize = receipts.iter().map(|receipt| receipt.logs.len()).sum();
        let withdrawals = block.withdrawals.as_ref().map_or(0, Vec::len);
        for (table, rows) in batch.tables() {
            let wanted = match table.name {
                "blocks" => 1,
                "transactions" => block.transactions.len(),
                "logs" => logs,
                "withdrawals" => withdrawals,
                _ => continue,
            };
            assert_eq!(rows.num_rows(), wanted, "{}", table.name);
        }
    }
});
