//! Indexing a folder of Bitcoin block files: the whole of it, and the least that any indexer of
//! blocks must do.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use assay_indexer::decode::bitcoin::Decoder;
use assay_indexer::pipeline::Prevouts;
use assay_indexer::progress::Silent;
use assay_indexer::sink::Wanted;
use assay_indexer::sink::lake::LakeSink;
use assay_indexer::source::Source;
use assay_indexer::source::block_files::{BlockFiles, BlockFilesOptions};
use assay_indexer::wire::{Block, Header, Reader};
use assay_model::{Chain, Network};

use crate::follow::{self, Announcing, Seen};
use crate::{run, runtime};

/// Opens the folder of block files `dir`.
///
/// # Panics
///
/// If it is none: a bench has nothing to measure then.
pub fn open(dir: &Path, threads: usize) -> BlockFiles {
    let options =
        BlockFilesOptions { dir: dir.to_owned(), network: None, ignore_undo: false, threads };
    BlockFiles::open(options, &Silent).expect("a folder of block files")
}

/// The floor: reads every block of the folder and computes the hashes of its header and of its
/// transactions, with and without witnesses; on one thread. Returns the bytes of block data and
/// something made of all hashes, so that none can be left out.
///
/// # Panics
///
/// If a file cannot be read or is damaged.
pub fn floor(dir: &Path) -> (u64, u8) {
    let mut numbers: Vec<_> = std::fs::read_dir(dir)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("blk"))
        })
        .collect();
    numbers.sort();
    let key: [u8; 8] = std::fs::read(dir.join("xor.dat"))
        .map_or([0; 8], |key| key.try_into().expect("a key of eight bytes"));
    let (mut bytes, mut mixed) = (0, 0);
    for path in numbers {
        let mut file = std::fs::read(path).expect("a readable file");
        // What is allocated ahead is zeros on disk: it is not obfuscated.
        let end = file.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let file = &mut file[..end];
        for (at, byte) in file.iter_mut().enumerate() {
            *byte ^= key[at % 8];
        }
        let mut reader = Reader::new(file);
        while reader.remaining() > 8 {
            reader.bytes(4).expect("a magic");
            let size = reader.u32().expect("a length");
            let block = reader.bytes(u64::from(size)).expect("a whole block");
            bytes += u64::from(size);
            mixed ^= hash_all(block);
        }
    }
    (bytes, mixed)
}

/// Computes all hashes of a block.
fn hash_all(block: &[u8]) -> u8 {
    let header = block.first_chunk::<{ Header::SIZE }>().expect("a header");
    let ids = Block::read(block).expect("a block").transaction_ids();
    let hashes = ids.txids.iter().chain(&ids.wtxids);
    hashes.fold(Header::hash_of(header)[0], |mixed, hash| mixed ^ hash[0])
}

/// Indexes the folder `dir` into a new lake in `lake` on `threads` threads; returns the bytes of
/// block data.
///
/// # Panics
///
/// If it fails.
pub fn index(dir: &Path, lake: &Path, threads: usize) -> u64 {
    let source = open(dir, threads);
    let network = source.network();
    let sink = new_lake(lake, network);
    let decoder = Decoder { network, with_scripts: false };
    let source = Arc::new(source);
    let prevouts = Prevouts::new(Arc::clone(&source), sink.dir().join(".utxo"), Arc::new(Silent));
    runtime(threads).block_on(run(source, prevouts, decoder, sink, threads))
}

/// Announces the last `blocks` blocks of the folder `dir` one by one to whoever follows them into a
/// new lake in `lake`; returns what became of each.
///
/// # Panics
///
/// If it fails.
pub fn latencies(dir: &Path, lake: &Path, blocks: u64) -> Vec<Seen> {
    let source = open(dir, 2);
    let network = source.network();
    let sink = new_lake(lake, network);
    let decoder = Decoder { network, with_scripts: false };
    runtime(2).block_on(async {
        let tip = source.tip().await.expect("a folder").expect("blocks").height;
        let source = Arc::new(Announcing::new(source, tip - blocks));
        let dir = sink.dir().join(".utxo");
        let prevouts = Prevouts::new(Arc::clone(&source), dir, Arc::new(Silent));
        follow::latencies(source, prevouts, decoder, sink, blocks).await
    })
}

fn new_lake(lake: &Path, network: Network) -> LakeSink {
    let (network, extras) = (network.to_string(), BTreeSet::new());
    let wanted = Wanted { chain: Chain::Bitcoin, network, from: None, extras };
    LakeSink::open(lake, &wanted).expect("a new lake")
}
