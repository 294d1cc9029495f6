//! Both stores side by side: how fast blocks go in, how much room they take, and how long the
//! questions of `sql/questions` take, with ClickHouse itself and DuckDB as the yardstick.
//!
//! `cargo run --release -p assay-benches --example stores -- ASSAY BLOCKS_DIR DEMO_DIR ROUNDS`: the
//! program, a folder of Bitcoin's block files to go in, and one that `assay demo --keep` made, to be
//! asked. Prints tables in Markdown; `benches/stores.sh` makes all that is needed.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use assay_clickhouse::{Address, Connection};
use assay_fixtures::clickhouse::ClickHouse;
use assay_fixtures::python;
use assay_model::{Chain, hex};
use assay_query::{Session, SessionOptions, Store};
use futures::TryStreamExt;

/// The engines, in the order of the columns.
const ENGINES: [&str; 4] =
    ["assay over the lake", "DuckDB over the lake", "assay over ClickHouse", "ClickHouse"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [program, blocks, demo, rounds] = &arguments[..] else {
        panic!("usage: ASSAY BLOCKS_DIR DEMO_DIR ROUNDS")
    };
    let rounds = rounds.parse().expect("a number of rounds");
    let server = ClickHouse::start().expect("Python with chdb-core");
    let scratch = tempfile::tempdir().expect("a folder");
    let place = Place { program, server: &server, scratch: scratch.path() };
    place.go_in(Path::new(blocks), rounds);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(place.answer(Path::new(demo), rounds));
}

struct Place<'a> {
    program: &'a str,
    server: &'a ClickHouse,
    scratch: &'a Path,
}

impl Place<'_> {
    fn address(&self, database: &str) -> String {
        format!("clickhouse://127.0.0.1:{}/{database}", self.server.port())
    }

    /// Runs the program, which must do well; returns how long that took, seconds.
    fn run(&self, arguments: &[&str]) -> f64 {
        let started = Instant::now();
        let status = Command::new(self.program).arg("-q").args(arguments).status();
        assert!(status.expect("the program runs").success(), "{arguments:?}");
        started.elapsed().as_secs_f64()
    }

    /// Times indexing into both stores, in turn, and says how large they are then.
    fn go_in(&self, blocks: &Path, rounds: usize) {
        let lake = self.scratch.join("lake");
        let (blocks_dir, lake_dir) = (text(blocks), text(&lake));
        let address = self.address("ingest");
        let mut best = [f64::INFINITY; 2];
        for _ in 0..rounds {
            let _ = fs::remove_dir_all(&lake);
            self.server.query("DROP DATABASE IF EXISTS ingest SYNC").expect("dropped");
            self.run(&["store", "migrate", "--store", &address]);
            let index = ["index", "bitcoin", "--blocks-dir", blocks_dir, "--lake", lake_dir];
            best[0] = best[0].min(self.run(&index));
            best[1] = best[1].min(self.run(&[&index[..], &["--store", &address]].concat()));
        }
        let number = |sql: &str| -> f64 {
            self.server.query(sql).expect("an answer").trim().parse().expect("a number")
        };
        let raw = number("SELECT max(block_bytes) FROM ingest.commits");
        let blocks = number("SELECT count() FROM ingest.bitcoin_blocks");
        for table in Chain::Bitcoin.tables() {
            let merge = format!("OPTIMIZE TABLE ingest.bitcoin_{} FINAL", table.name);
            self.server.query(&merge).expect("merged");
        }
        let stored = number(
            "SELECT sum(bytes_on_disk) FROM system.parts \
             WHERE active AND database = 'ingest' AND table LIKE 'bitcoin%'",
        );
        let sizes = [folder_bytes(&lake) as f64, stored];
        println!(
            "\n{:.0} MB of block data, {blocks:.0} blocks; the best of {rounds} rounds\n",
            raw / 1e6
        );
        println!("| store | seconds | MB/s | bytes a block | of the raw block |");
        println!("|---|---|---|---|---|");
        println!("| raw blocks | | | {:.0} | |", raw / blocks);
        for (name, (seconds, bytes)) in ["lake", "ClickHouse"].iter().zip(best.iter().zip(sizes)) {
            let speed = raw / 1e6 / seconds;
            let (each, part) = (bytes / blocks, bytes / raw * 100.0);
            println!("| {name} | {seconds:.2} | {speed:.1} | {each:.0} | {part:.0} % |");
        }
        println!(
            "\nIngest into ClickHouse: {:.0} % of the lake's speed.",
            best[0] / best[1] * 100.0
        );
    }

    /// Asks every engine every question, in turn, and compares their best times.
    async fn answer(&self, demo: &Path, rounds: usize) {
        let (lake, address) = (demo.join("lake"), self.address("asked"));
        self.run(&["store", "copy", text(&lake), &address]);
        let open = async |store| {
            let options = SessionOptions { store, ..SessionOptions::default() };
            Session::open(options).await.expect("a store")
        };
        let address: Address = address.parse().expect("an address");
        let over_lake = open(Store::Lake(lake.clone())).await;
        let over_server =
            open(Store::ClickHouse { address: address.clone(), password: None }).await;
        let server = Connection::new(&address, None).expect("certificates");
        let mut duck = DuckDb::start(&lake);
        println!(
            "\n| question | {} | lake / best | over ClickHouse / itself |",
            ENGINES.join(" | ")
        );
        println!("|---|---|---|---|---|---|---|");
        let mut ratios = [Vec::new(), Vec::new()];
        for (name, question) in questions(&over_lake).await {
            let direct = with_views(&question, |name| format!("asked.{}", name.replace('.', "_")));
            let for_duck = with_views(&question, str::to_owned);
            let mut best = [f64::INFINITY; 4];
            for _ in 0..rounds {
                let times = [
                    in_process(&over_lake, &question).await,
                    duck.time(&for_duck),
                    in_process(&over_server, &question).await,
                    straight(&server, &direct).await,
                ];
                for (best, time) in best.iter_mut().zip(times) {
                    *best = best.min(time);
                }
            }
            let [lake, duck, clickhouse, direct] = best;
            let both = [lake / duck.min(direct), clickhouse / direct];
            let shown: Vec<_> = best.iter().map(|time| format!("{:.0} ms", time * 1e3)).collect();
            println!("| `{name}` | {} | {:.2} | {:.2} |", shown.join(" | "), both[0], both[1]);
            for (all, ratio) in ratios.iter_mut().zip(both) {
                all.push(ratio);
            }
        }
        let [lake, clickhouse] = ratios.map(median);
        println!("\nMedians: {lake:.2} over the lake, {clickhouse:.2} over ClickHouse.");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

fn folder_bytes(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry"));
    entries
        .map(|entry| match entry.metadata().expect("it is there") {
            folder if folder.is_dir() => folder_bytes(&entry.path()),
            file => file.len(),
        })
        .sum()
}

/// The questions with their names; of addresses and transactions those are asked for that have the
/// most.
async fn questions(session: &Session) -> Vec<(String, String)> {
    let address = first(
        session,
        "select address from bitcoin.outputs where address is not null \
                                  group by 1 order by count(*) desc, 1 limit 1",
    )
    .await;
    let txid = first(
        session,
        "select hex(txid) from bitcoin.inputs group by txid \
                               order by count(*) desc, txid limit 1",
    )
    .await;
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sql/questions");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let question = |path: &PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let sql = fs::read_to_string(path).expect("readable");
        (name, sql.replace("$address", &address).replace("$txid", &txid))
    };
    paths.iter().map(question).collect()
}

async fn first(session: &Session, sql: &str) -> String {
    let rows: Vec<_> =
        session.query(sql).await.expect("planned").try_collect().await.expect("answered");
    let rows = rows.iter().find(|rows| rows.num_rows() > 0).expect("a row");
    arrow::util::display::array_value_to_string(rows.column(0), 0).expect("text")
}

/// `sql` with the queries of the views in their place, and each table as `name` calls it.
fn with_views(sql: &str, name: impl Fn(&str) -> String) -> String {
    let views = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sql/views/bitcoin");
    let mut sql = sql.to_owned();
    for view in ["balances", "utxos"] {
        let query = fs::read_to_string(views.join(format!("{view}.sql"))).expect("a view");
        sql = sql.replace(&format!("bitcoin.{view}"), &format!("({query}) as {view}"));
    }
    for table in Chain::ALL.into_iter().flat_map(Chain::tables) {
        sql = sql.replace(&table.full_name(), &name(&table.full_name()));
    }
    sql
}

/// How long `sql` takes in this process, seconds.
async fn in_process(session: &Session, sql: &str) -> f64 {
    let started = Instant::now();
    let mut rows = session.query(sql).await.expect("planned");
    while rows.try_next().await.expect("answered").is_some() {}
    started.elapsed().as_secs_f64()
}

/// How long `sql` takes on the server itself, seconds.
async fn straight(server: &Connection, sql: &str) -> f64 {
    let started = Instant::now();
    let mut rows = server.batches(sql, "ask").await.expect("understood");
    while rows.try_next().await.expect("answered").is_some() {}
    started.elapsed().as_secs_f64()
}

/// DuckDB in a process of its own, which times what it is asked.
struct DuckDb {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl DuckDb {
    fn start(lake: &Path) -> DuckDb {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = python::with("ASSAY_CLICKHOUSE_PYTHON", "import duckdb, pyarrow", "no DuckDB");
        let mut child = Command::new(python.expect("Python with duckdb and pyarrow"))
            .arg(root.join("duckdb_questions.py"))
            .arg(lake)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python with duckdb");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        DuckDb { child, input, output }
    }

    fn time(&mut self, sql: &str) -> f64 {
        // A statement is a line: in hex, as it has lines itself.
        writeln!(self.input, "{}", hex::encode(sql.as_bytes())).expect("it reads");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        line.trim().parse().expect("seconds")
    }
}

impl Drop for DuckDb {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
