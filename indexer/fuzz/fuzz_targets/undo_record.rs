//! Any bytes as an undo record: an error, or outputs that do not take more memory than the record
//! can account for.

#![no_main]

use assay_indexer::source::block_files::decode_undo;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(Some(spent)) = decode_undo(bytes) else { return };
    let mut scripts = 0;
    for tx_index in 1..=spent.transaction_count() {
        scripts += spent.of_transaction(tx_index).map(|output| output.script.len()).sum::<usize>();
    }
    // A key of 32 bytes becomes a script of 67.
    assert!(scripts <= 3 * bytes.len());
});
