//! A node for benches: `cargo run --release -p assay-benches --example replay_node -- BLOCKS`
//! answers JSON-RPC on a free port of this machine, with a chain of as many blocks like mainnet's.
//! Prints its URL, the first and the last height, and how many blocks, transactions, receipts, logs
//! and token transfers there are; then it answers until it is ended.

use std::net::TcpListener;

use assay_benches::ethereum::chain::MadeChain;
use assay_benches::ethereum::node::Node;
use assay_benches::ethereum::real;
use assay_benches::ethereum::rows::RowCounts;
use assay_fixtures::shared;

/// The first height: behind the real blocks that the chain is made of.
const FIRST_HEIGHT: u64 = 23_000_000;

fn main() {
    let count = std::env::args().nth(1).and_then(|count| count.parse().ok());
    let count: u64 = count.expect("usage: replay_node BLOCKS");
    let data = shared::dir("ethereum").expect("the shared data, see ASSAY_SHARED_DATA");
    let chain = MadeChain::new(real::blocks(&data), FIRST_HEIGHT, count);
    let RowCounts { blocks, transactions, receipts, logs, token_transfers } = RowCounts::of(&chain);
    let last = FIRST_HEIGHT + count - 1;
    let node = Node::new(chain);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    println!(
        "{url} {FIRST_HEIGHT} {last} {blocks} {transactions} {receipts} {logs} {token_transfers}"
    );
    node.serve(&listener);
}
