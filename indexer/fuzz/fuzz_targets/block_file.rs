//! Any bytes as a file of blocks and as its file of undo data, behind the genesis block: they are
//! scanned, and every block that is found is fetched.

#![no_main]

use assay_indexer::progress::Silent;
use assay_indexer::source::Source;
use assay_indexer::source::block_files::{BlockFiles, BlockFilesOptions};
use assay_model::Network;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let dir = tempfile::tempdir().expect("a folder");
    let genesis = bitcoin::constants::genesis_block(bitcoin::Network::Regtest);
    let genesis = bitcoin::consensus::serialize(&genesis);
    let size = (genesis.len() as u32).to_le_bytes();
    let file = [&Network::Regtest.magic()[..], &size, &genesis, bytes].concat();
    std::fs::write(dir.path().join("blk00000.dat"), file).expect("written");
    std::fs::write(dir.path().join("rev00000.dat"), bytes).expect("written");
    let options = BlockFilesOptions {
        dir: dir.path().to_owned(),
        network: None,
        ignore_undo: false,
        threads: 1,
    };
    let source = BlockFiles::open(options, &Silent).expect("the genesis block is there");
    _ = source.check_linked();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let tip = source.tip().await.expect("it was scanned").expect("the genesis block at least");
        for height in 0..=tip.height {
            _ = source.fetch(height..height + 1).await;
        }
        _ = source.fetch(0..tip.height + 2).await;
    });
});
