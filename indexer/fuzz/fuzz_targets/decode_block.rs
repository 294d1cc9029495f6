//! Any bytes as a block of regtest: an error, or what the `bitcoin` crate reads too.

#![no_main]

use assay_indexer::decode::Decode;
use assay_indexer::decode::bitcoin::Decoder;
use assay_indexer::raw::bitcoin::{RawBlock, SpentOutputs};
use assay_indexer::wire::{Block, Header};
use assay_model::{BlockHash, BlockRef, Network};
use bitcoin::hashes::Hash;
use libfuzzer_sys::fuzz_target;

const HEIGHT: u64 = 1;

fuzz_target!(|bytes: &[u8]| {
    let Ok(block) = Block::read(bytes) else { return };
    let theirs: bitcoin::Block =
        bitcoin::consensus::deserialize(bytes).expect("what is read here is a block");
    let txids = block.transaction_ids().txids;
    assert!(theirs.txdata.iter().map(|tx| tx.compute_txid().to_byte_array()).eq(txids));

    let hash = Header::hash_of(bytes.first_chunk().expect("it has a header"));
    let [hash, parent] = [hash, block.header.parent].map(BlockHash::from_wire);
    let raw = RawBlock {
        block: BlockRef { height: HEIGHT, hash, parent },
        bytes: bytes.to_vec(),
        spent: Some(just_enough(&block)),
        median_time: block.header.time,
        chain_work: [0; 32],
        place: String::new(),
    };
    let decoder = Decoder { network: Network::Regtest, with_scripts: true };
    if let Ok(batch) = decoder.decode(&[raw]) {
        let outputs: usize = theirs.txdata.iter().map(|tx| tx.output.len()).sum();
        let inputs: usize = theirs.txdata.iter().skip(1).map(|tx| tx.input.len()).sum();
        let rows = 1 + theirs.txdata.len() + inputs + outputs;
        assert_eq!(batch.row_count(), rows as u64);
    }
});

/// For every transaction what it pays out, as the value of its first input.
fn just_enough(block: &Block<'_>) -> SpentOutputs {
    let mut spent = SpentOutputs::default();
    for transaction in block.transactions.iter().skip(1) {
        spent.begin_transaction();
        let paid = transaction.outputs.iter().fold(0u64, |sum, o| sum.saturating_add(o.value));
        for input in 0..transaction.inputs.len() {
            let value = if input == 0 { paid } else { 0 };
            // Any script will do: that of the input is at hand.
            let Ok(()) = spent.push_with(value, 0, |script| {
                script.extend(transaction.inputs[input].script_sig);
                Ok::<(), std::convert::Infallible>(())
            });
        }
    }
    spent
}
