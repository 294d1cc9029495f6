//! One run of a part of indexing Ethereum, for timing as a whole process:
//! `cargo run --release -p assay-benches --example ethereum_index -- COMMAND`, which is one of
//!
//! * `decode told|recovered ROUNDS`: decodes real blocks, with senders as a node tells them or out
//!   of the signatures, on one thread;
//! * `archives DIR`: reads and checks the era1 archives in a folder, on one thread;
//! * `write-archive DIR BLOCKS`: writes an archive with blocks like today's;
//! * `index URL FIRST_HEIGHT LAKE_DIR THREADS`: indexes a node into a new lake.
//!
//! Prints bytes of block data, transactions (of `decode`), seconds, seconds on a core, and the most
//! memory in kilobytes.

use std::path::Path;
use std::time::Instant;

use assay_benches::ethereum::chain::MadeChain;
use assay_benches::ethereum::{archive, decode, index, read_archives, real};
use assay_benches::process::{cpu_seconds, peak_memory_kb};
use assay_fixtures::shared;
use assay_indexer::raw::Raw;
use assay_indexer::raw::ethereum::RawBlock;

/// The archive that is written: behind those of proof of work.
const EPOCH: u64 = 2800;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["decode", senders, rounds] => {
            let blocks = with_senders(real_blocks(), senders);
            let rounds = number(rounds);
            measure(|| {
                (0..rounds).for_each(|_| drop(std::hint::black_box(decode(&blocks))));
                let bytes: u64 = blocks.iter().map(Raw::size).sum();
                (bytes * rounds, real::transactions(&blocks) as u64 * rounds)
            });
        }
        ["archives", dir] => measure(|| (read_archives(Path::new(dir)), 0)),
        ["write-archive", dir, blocks] => {
            let first = archive::first_height(EPOCH);
            archive::write(&MadeChain::new(real_blocks(), first, number(blocks)), Path::new(dir));
        }
        ["index", url, first, lake, threads] => {
            let threads = number(threads) as usize;
            measure(|| (index(url, number(first), Path::new(lake), threads), 0));
        }
        _ => panic!(
            "usage: decode told|recovered ROUNDS | archives DIR | write-archive DIR BLOCKS | index \
             URL FIRST_HEIGHT LAKE_DIR THREADS"
        ),
    }
}

fn real_blocks() -> Vec<RawBlock> {
    real::blocks(&shared::dir("ethereum").expect("the shared data, see ASSAY_SHARED_DATA"))
}

fn with_senders(mut blocks: Vec<RawBlock>, senders: &str) -> Vec<RawBlock> {
    match senders {
        "told" => {}
        "recovered" => blocks.iter_mut().for_each(|raw| raw.senders = None),
        other => panic!("senders are told or recovered, not {other}"),
    }
    blocks
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

/// Does `work`, which says how many bytes and transactions it had, and prints what it took.
fn measure(work: impl FnOnce() -> (u64, u64)) {
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let (bytes, transactions) = work();
    let (seconds, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    println!("{bytes} {transactions} {seconds:.3} {cpu:.2} {}", peak_memory_kb());
}
