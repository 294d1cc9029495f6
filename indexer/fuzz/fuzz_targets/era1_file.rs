//! Any bytes as an era1 file, as the entries of one with a good frame around them, and as a chain
//! export with receipts beside it: they are opened, and every block that seems to be there is
//! fetched.

#![no_main]

use std::path::Path;

use assay_indexer::progress::Silent;
use assay_indexer::source::Source;
use assay_indexer::source::ethereum_files::{EthereumFiles, EthereumFilesOptions};
use libfuzzer_sys::fuzz_target;

/// Most blocks that are fetched one by one.
const MAX_SINGLE: usize = 16;

fuzz_target!(|bytes: &[u8]| {
    let dir = tempfile::tempdir().expect("a folder");
    try_file(&dir.path().join(name_of(bytes)), bytes);
    let framed = framed(bytes);
    try_file(&dir.path().join(name_of(&framed)), &framed);
    std::fs::write(dir.path().join("chain.receipts.rlp"), bytes).expect("written");
    try_file(&dir.path().join("chain.rlp"), bytes);
});

/// The name that an archive with these bytes would have.
fn name_of(bytes: &[u8]) -> String {
    let end = bytes.len();
    let number = |at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk()).copied();
    let count = end.checked_sub(8).and_then(number).map_or(0, u64::from_le_bytes);
    let index = usize::try_from(count).ok().and_then(|count| count.checked_mul(8));
    let index = index.and_then(|bytes| end.checked_sub(bytes.checked_add(24)?));
    let hash = index.and_then(|index| bytes.get(index.checked_sub(32)?..)?.first_chunk::<4>());
    let first = index.and_then(|index| number(index + 8)).map_or(0, u64::from_le_bytes);
    let hash = assay_model::hex::encode(hash.unwrap_or(&[0; 4]));
    format!("mainnet-{:05}-{hash}.era1", first / 8192)
}

/// An archive whose only block is `bytes`.
fn framed(bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0x65, 0x32, 0, 0, 0, 0, 0, 0];
    file.extend(bytes);
    file.extend([7, 0, 32, 0, 0, 0, 0, 0]);
    file.extend([0; 32]);
    let offset = 8 - file.len() as i64;
    file.extend([0x66, 0x32, 24, 0, 0, 0, 0, 0]);
    file.extend(0u64.to_le_bytes());
    file.extend(offset.to_le_bytes());
    file.extend(1u64.to_le_bytes());
    file
}

fn try_file(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("written");
    let options = EthereumFilesOptions { dir: path.to_owned() };
    let Ok(source) = EthereumFiles::open(options, &Silent) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let tip = source.tip().await.expect("it was opened").expect("a block at least");
        let first = source.first_height();
        for height in (first..=tip.height).take(MAX_SINGLE) {
            _ = source.block_at(height).await;
            _ = source.fetch(height..height + 1).await;
        }
        _ = source.fetch(first..tip.height + 2).await;
    });
}
