//! How long blocks take from their announcement to where every reader sees them.
//!
//! ```sh
//! follow_latency bitcoin BLOCKS_DIR LAKE BLOCKS      # from block files with undo data
//! follow_latency ethereum URL FIRST LAKE BLOCKS      # from a node
//! ```

use std::path::Path;

use assay_benches::follow::Seen;
use assay_benches::process::peak_memory_kb;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse().expect("a number");
    let seen = match arguments[..] {
        ["bitcoin", dir, lake, blocks] => {
            assay_benches::bitcoin::latencies(Path::new(dir), Path::new(lake), number(blocks))
        }
        ["ethereum", url, first, lake, blocks] => {
            assay_benches::ethereum::latencies(url, number(first), Path::new(lake), number(blocks))
        }
        _ => panic!("follow_latency bitcoin DIR LAKE BLOCKS | ethereum URL FIRST LAKE BLOCKS"),
    };
    print(&seen);
}

fn print(seen: &[Seen]) {
    let mut latencies: Vec<f64> =
        seen.iter().map(|seen| seen.latency.as_secs_f64() * 1e3).collect();
    latencies.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (latencies.len() as f64 * share).ceil() as usize;
        latencies[place.clamp(1, latencies.len()) - 1]
    };
    // The first blocks warm up what is kept.
    let memory = |place: usize| seen[place].memory_kb as f64 / 1e3;
    println!(
        "{} blocks: median {:.0} ms, p99 {:.0} ms, most {:.0} ms; memory {:.0} MB after a tenth of \
         them, {:.0} MB after half, {:.0} MB at the end, {:.0} MB at most",
        seen.len(),
        at(0.5),
        at(0.99),
        at(1.0),
        memory(seen.len() / 10),
        memory(seen.len() / 2),
        memory(seen.len() - 1),
        peak_memory_kb() as f64 / 1e3
    );
}
