//! How long blocks take from their announcement to where every reader sees them.
//!
//! ```sh
//! follow_latency bitcoin BLOCKS_DIR LAKE BLOCKS      # from block files with undo data
//! follow_latency ethereum URL FIRST LAKE BLOCKS      # from a node
//! ```

use std::path::Path;
use std::time::Duration;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse().expect("a number");
    let latencies = match arguments[..] {
        ["bitcoin", dir, lake, blocks] => {
            assay_benches::bitcoin::latencies(Path::new(dir), Path::new(lake), number(blocks))
        }
        ["ethereum", url, first, lake, blocks] => {
            assay_benches::ethereum::latencies(url, number(first), Path::new(lake), number(blocks))
        }
        _ => panic!("follow_latency bitcoin DIR LAKE BLOCKS | ethereum URL FIRST LAKE BLOCKS"),
    };
    print(latencies);
}

fn print(mut latencies: Vec<Duration>) {
    latencies.sort_unstable();
    let at = |share: f64| {
        let place = ((latencies.len() as f64 * share).ceil() as usize).clamp(1, latencies.len());
        latencies[place - 1].as_secs_f64() * 1e3
    };
    println!(
        "{} blocks: median {:.0} ms, p99 {:.0} ms, most {:.0} ms",
        latencies.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}
