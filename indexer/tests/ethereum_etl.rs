//! Our rows against those of ethereum-etl, a program in Python that exports the same chain: every
//! column that both have, in every row. The data is kept beside the repository, so these tests are
//! skipped where it is absent.

#[path = "common/etl/mod.rs"]
mod etl;
#[path = "common/known.rs"]
mod known;
#[path = "common/made_up.rs"]
mod made_up;
#[path = "common/node.rs"]
mod node;
#[path = "common/replay.rs"]
mod replay;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use assay_fixtures::shared;
use assay_model::ethereum::Network;
use serde_json::{Value, json};

use etl::peer::{Fields, by_height, rows};
use etl::rebuilt::{self, UNKNOWN};
use etl::row::Ours;
use etl::tables::{BLOCKS, LOGS, RECEIPTS, TOKEN_TRANSFERS, TRANSACTIONS};
use etl::trace_tables::{CALL_TRACER, TRACES};
use etl::{Table, Tally};
use known::{Known, read_json};
use replay::{decode, decode_in, fetch_known, of_call_tracer, of_trace_block, told};

/// Its tables of what blocks have besides traces.
static OF_BLOCKS: [&Table; 5] = [&BLOCKS, &TRANSACTIONS, &RECEIPTS, &LOGS, &TOKEN_TRANSFERS];

/// The folders of the heights that it was run over, with those in which it wrote `name`.
fn run_over(data: &Path, name: &str) -> Vec<(u64, PathBuf)> {
    let found = known::by_height(&data.join("peers/ethereum-etl-run"), name);
    let folder = |path: PathBuf| path.parent().expect("a folder").to_owned();
    found.into_iter().map(|(height, path)| (height, folder(path))).collect()
}

/// The result in a file of ethereum-etl's tests, an answer of a node.
fn result(path: &Path) -> Value {
    read_json(path)["result"].take()
}

/// The folder `name` of the inputs and outputs of its tests.
fn tests(data: &Path, name: &str) -> PathBuf {
    data.join("peers/ethereum-etl").join(name)
}

/// The rows of a made-up block of mainnet at `height` that did what `told`, a result of
/// `trace_block`, says.
async fn around_traces(height: u64, time: u64, told: Value) -> Ours {
    let entries = told.as_array().expect("a list");
    let hash = entries.first().map_or("", |entry| entry["blockHash"].as_str().expect("a hash"));
    let mut hashes = BTreeMap::new();
    for entry in entries {
        let place = entry["transactionPosition"].as_u64();
        hashes.extend(place.zip(entry["transactionHash"].as_str().map(str::to_owned)));
    }
    let hashes: Vec<String> = hashes.into_values().collect();
    let mut block = made_up::around(height, of_trace_block(told.clone()).await);
    block.header.time = time;
    Ours::made_up(&decode(&block.raw()), hash, &hashes, &[])
}

#[tokio::test]
async fn blocks_are_those_of_a_run_of_it() {
    let Some(data) = shared::dir("ethereum") else { return };
    let mut tally = Tally::default();
    for (height, dir) in run_over(&data, "blocks.csv") {
        let ours = Ours::new(&decode(&told(&data, height).await));
        for table in OF_BLOCKS {
            let name = format!("{}.csv", table.name);
            assert!(tally.compare_file(table, &[&ours], &dir, &name), "block {height}: {name}");
        }
    }
    tally.check(
        &[
            ("blocks", 6),
            ("transactions", 630),
            ("receipts", 630),
            ("logs", 1937),
            ("token_transfers", 1062),
        ],
        &[
            ("amounts of withdrawals are in Gwei", 2),
            ("the gas price of a transaction that has none is what it paid", 520),
            ("the total difficulty is in no block", 1),
            ("the value of an ERC-721 transfer is the token's id", 279),
            ("transfers of ERC-1155 are not told", 9),
        ],
    );
}

#[tokio::test]
async fn traces_are_those_of_a_run_of_it() {
    let Some(data) = shared::dir("ethereum") else { return };
    let blocks = known::by_height(&data.join("rpc/mainnet"), "eth_getBlockByNumber.json");
    let traces = known::by_height(&data.join("rpc/mainnet"), "trace_block.json");
    let mut tally = Tally::default();
    for (height, dir) in run_over(&data, "traces.csv") {
        let ours = match blocks.contains_key(&height) {
            true => Ours::new(&decode(&told(&data, height).await)),
            false => around_traces(height, 0, read_json(&traces[&height])).await,
        };
        assert!(tally.compare_file(&TRACES, &[&ours], &dir, "traces.csv"));
    }
    tally.check(
        &[("traces", 3794)],
        &[
            ("a delegate call has the value of the call that it runs in", 28),
            ("a self-destruction is called suicide", 10),
        ],
    );
}

#[tokio::test]
async fn the_genesis_block_is_that_of_its_tests() {
    let Some(data) = shared::dir("ethereum") else { return };
    let mut tally = Tally::default();
    let dir = tests(&data, "test_export_blocks_job/block_without_transactions");
    let genesis = result(&dir.join("web3_response.eth_getBlockByNumber_0x0_true.json"));
    let mut known = Known::default();
    known.blocks.insert(0, genesis);
    known.receipts.insert(0, json!([]));
    let ours = Ours::new(&decode(&fetch_known(known, 0).await));
    assert!(tally.compare_file(&BLOCKS, &[&ours], &dir, "expected_blocks.csv"));
    tally.check(&[("blocks", 1)], &[("the total difficulty is in no block", 1)]);
}

#[tokio::test]
async fn a_block_of_the_frontier_is_that_of_its_tests() {
    let Some(data) = shared::dir("ethereum") else { return };
    let mut tally = Tally::default();
    let height = 483_920;
    let dir = tests(&data, "test_export_blocks_job/block_with_logs");
    let block = result(&dir.join("web3_response.eth_getBlockByNumber_0x76250_true.json"));
    let all = tests(&data, "test_export_block_receipts_job/receipts_with_logs")
        .join("web3_response.eth_getBlockReceipts_483920.json");
    let single = tests(&data, "test_export_receipts_job/receipts_with_logs");
    let transfers = tests(&data, "test_export_token_transfers_job/block_with_transfers");
    let singles = block["transactions"].as_array().expect("a list").iter().map(|transaction| {
        let hash = transaction["hash"].as_str().expect("a hash");
        result(&single.join(format!("web3_response.eth_getTransactionReceipt_{hash}.json")))
    });
    let singles: Value = singles.collect();
    // In the file they are out of order, which no node answers.
    let mut all = result(&all);
    let place = |receipt: &Value| node::number(&receipt["transactionIndex"]);
    all.as_array_mut().expect("a list").sort_by_key(place);
    for (is_single, receipts) in [(false, all), (true, singles)] {
        let mut known = Known { is_single, ..Known::default() };
        known.blocks.insert(height, block.clone());
        known.receipts.insert(height, receipts);
        let ours = Ours::new(&decode(&fetch_known(known, height).await));
        for (table, dir) in [
            (&BLOCKS, &dir),
            (&TRANSACTIONS, &dir),
            (&RECEIPTS, &single),
            (&LOGS, &single),
            (&TOKEN_TRANSFERS, &transfers),
        ] {
            let names = ["csv", "json"].map(|kind| format!("expected_{}.{kind}", table.name));
            let found = names.map(|name| tally.compare_file(table, &[&ours], dir, &name));
            assert!(found[0], "{}", table.name);
        }
    }
    tally.check(
        &[
            ("blocks", 2),
            ("transactions", 8),
            ("receipts", 16),
            ("logs", 8),
            ("token_transfers", 4),
        ],
        &[("the total difficulty is in no block", 2)],
    );
}

#[tokio::test]
async fn traces_are_those_of_its_tests() {
    let Some(data) = shared::dir("ethereum") else { return };
    let mut tally = Tally::default();

    // The block of one test is there whole.
    let whole = |traces: Option<Value>, frames: Option<Value>| {
        let mut known = Known::default();
        let block = read_json(&data.join("rpc/mainnet/1000000/eth_getBlockByNumber.json"));
        assert!(replay::complete(&data, &mut known, 1_000_000, block));
        known.traces.extend(traces.map(|traces| (1_000_000, traces)));
        known.frames.extend(frames.map(|frames| (1_000_000, frames)));
        fetch_known(known, 1_000_000)
    };
    let dir = tests(&data, "test_export_traces_job/block_with_subtraces");
    let told = result(&dir.join("web3_response.trace_block_0xf4240.json"));
    let ours = Ours::new(&decode(&whole(Some(told), None).await));
    assert!(tally.compare_file(&TRACES, &[&ours], &dir, "expected_traces.csv"));

    let dir = tests(&data, "test_extract_geth_traces_job/block_with_subtraces");
    let name = "web3_response.debug_traceBlockByNumber_0xf4240_tracer_calltracer.json";
    let ours = Ours::new(&decode(&whole(None, Some(result(&dir.join(name)))).await));
    assert!(tally.compare_file(&CALL_TRACER, &[&ours], &dir, "expected_traces.csv"));

    let dir = tests(&data, "test_export_traces_job/block_with_error");
    let told = result(&dir.join("web3_response.trace_block_0xf45bf.json"));
    let ours = around_traces(1_000_895, 0, told).await;
    assert!(tally.compare_file(&TRACES, &[&ours], &dir, "expected_traces.csv"));

    let dir = tests(&data, "test_extract_geth_traces_job/block_with_error");
    let name = "web3_response.debug_traceBlockByNumber_0xf45bf_tracer_calltracer.json";
    let block = made_up::around(1_000_895, of_call_tracer(result(&dir.join(name))).await);
    let ours = Ours::new(&decode(&block.raw()));
    assert!(tally.compare_file(&CALL_TRACER, &[&ours], &dir, "expected_traces.csv"));

    let dir = tests(&data, "test_stream/blocks_2112234_2112234");
    let told = result(&dir.join("web3_response.trace_block_0x203aea.json"));
    let header = result(&dir.join("web3_response.eth_getBlockByNumber_0x203aea_false.json"));
    let ours = around_traces(2_112_234, node::number(&header["timestamp"]), told).await;
    assert!(tally.compare_file(&TRACES, &[&ours], &dir, "expected_traces.json"));
    tally.check(
        &[("traces", 9), ("traces of callTracer", 5)],
        &[
            ("a trace of callTracer has no transaction_hash", 5),
            ("a trace of callTracer has no status", 5),
        ],
    );
}

/// Its tests are also of blocks of which there is no more than the rows that it wrote: they are put
/// together again, so that receipts and withdrawals have the roots of the real headers.
#[test]
fn rows_of_its_tests_make_blocks_with_the_same_rows() {
    let Some(data) = shared::dir("ethereum") else { return };
    let mut tally = Tally::default();
    for (network, stream, export) in [
        (Network::MAINNET, "blocks_17173049_17173050", "blocks_with_transactions_and_withdrawals"),
        (
            Network { chain_id: 5 },
            "blocks_8656134_8656135_goerli",
            "blocks_with_transactions_goerli",
        ),
    ] {
        let dir = tests(&data, "test_stream").join(stream);
        let ours = rebuild(network, &dir);
        let ours: Vec<&Ours> = ours.iter().collect();
        for table in [&BLOCKS, &TRANSACTIONS, &LOGS, &TOKEN_TRANSFERS] {
            let name = format!("expected_{}.json", table.name);
            assert!(tally.compare_file(table, &ours, &dir, &name), "{name}");
        }
        let dir = tests(&data, "test_export_blocks_job").join(export);
        for table in [&BLOCKS, &TRANSACTIONS] {
            for kind in ["csv", "json"] {
                let name = format!("expected_{}.{kind}", table.name);
                assert!(tally.compare_file(table, &ours, &dir, &name), "{name}");
            }
        }
    }
    tally.check(
        &[("blocks", 12), ("transactions", 1497), ("logs", 1051), ("token_transfers", 412)],
        &[
            ("amounts of withdrawals are in Gwei", 9),
            ("the gas price of a transaction that has none is what it paid", 1191),
            ("the total difficulty is in no block", 12),
            ("what a made-up block does not know", 24),
            ("the value of an ERC-721 transfer is the token's id", 48),
            ("transfers of ERC-1155 are not told", 4),
        ],
    );
}

/// The rows of the blocks that are put together from the rows in `dir`.
fn rebuild(network: Network, dir: &Path) -> Vec<Ours> {
    let read = |table: &Table| {
        let rows = rows(dir, &format!("expected_{}.json", table.name)).expect("a file");
        by_height(rows, table.key)
    };
    let (blocks, transactions, logs) = (read(&BLOCKS), read(&TRANSACTIONS), read(&LOGS));
    let one = |(height, block): (&u64, &Vec<Fields>)| {
        let (block, transactions) = (&block[0], &transactions[height]);
        let made_up = rebuilt::block(network.chain_id, block, transactions, &logs[height]);
        let hashes: Vec<String> = transactions.iter().map(|row| row["hash"].clone()).collect();
        Ours::made_up(&decode_in(network, &made_up.raw()), &block["hash"], &hashes, UNKNOWN)
    };
    blocks.iter().map(one).collect()
}

#[test]
fn token_transfers_are_those_of_its_tests() {
    let Some(data) = shared::dir("ethereum") else { return };
    let mut tally = Tally::default();
    let dir = tests(&data, "test_extract_token_transfers_job/logs");
    let logs = by_height(rows(&dir, "logs.csv").expect("a file"), LOGS.key);
    for (height, logs) in &logs {
        let batch = decode(&rebuilt::around_logs(*height, logs).raw());
        let count = Ours::new(&batch).rows("transactions").len();
        let mut hashes = vec!["no log tells".to_owned(); count];
        for log in logs {
            let place: usize = log["transaction_index"].parse().expect("a number");
            hashes[place].clone_from(&log["transaction_hash"]);
        }
        let ours = Ours::made_up(&batch, &logs[0]["block_hash"], &hashes, &[]);
        assert!(tally.compare_file(
            &TOKEN_TRANSFERS,
            &[&ours],
            &dir,
            "expected_token_transfers.csv"
        ));
    }
    tally.check(&[("token_transfers", 2)], &[]);
}
