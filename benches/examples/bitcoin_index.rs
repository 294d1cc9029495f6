//! One run over a folder of block files, for timing as a whole process:
//! `cargo run --release -p assay-benches --example bitcoin_index -- floor BLOCKS_DIR` or
//! `… -- index BLOCKS_DIR LAKE_DIR THREADS`. Prints bytes, seconds and peak memory.

use std::path::Path;
use std::time::Instant;

use assay_benches::bitcoin::{floor, index};
use assay_benches::process::peak_memory_kb;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let started = Instant::now();
    let bytes = match arguments[..] {
        ["floor", blocks] => floor(Path::new(blocks)).0,
        ["index", blocks, lake, threads] => {
            index(Path::new(blocks), Path::new(lake), threads.parse().expect("a number"))
        }
        _ => panic!("usage: floor BLOCKS_DIR | index BLOCKS_DIR LAKE_DIR THREADS"),
    };
    let seconds = started.elapsed().as_secs_f64();
    let (speed, peak) = (bytes as f64 / 1e6 / seconds, peak_memory_kb());
    println!("{bytes} bytes {seconds:.3} s {speed:.1} MB/s VmHWM: {peak} kB");
}
