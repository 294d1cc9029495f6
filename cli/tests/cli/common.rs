//! A folder to run the program in, and a lake of three regtest blocks.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use arrow::array::RecordBatch;
use arrow::json::ReaderBuilder;
use assay_model::lake::{self, FileInfo, LakeInfo, Manifest, RunInfo, SCHEMA_VERSION, SegmentInfo};
use assay_model::{BlockHash, Network, Table, bitcoin};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Satoshi in a bitcoin.
pub const BTC: i64 = 100_000_000;

/// A folder of its own for each test.
pub struct Place {
    dir: TempDir,
}

impl Place {
    /// An empty folder.
    pub fn empty() -> Place {
        Place { dir: TempDir::new().expect("a folder") }
    }

    /// A folder with a valid lake in `lake`.
    pub fn with_lake() -> Place {
        Place::with(|_| {})
    }

    /// A folder with a lake whose rows are those of [`Rows::valid`] after `change`.
    pub fn with(change: impl FnOnce(&mut Rows)) -> Place {
        let place = Place::empty();
        let mut rows = Rows::valid();
        change(&mut rows);
        write_lake(&place.path("lake"), &rows);
        place
    }

    /// The path of `name` in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes the file `name`.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("writable");
    }

    /// The names of what the folder holds, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The program with `args`, to be run in the folder without the environment's settings.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        command.env_clear().env("HOME", self.dir.path());
        command
    }

    /// Runs the program with `args`.
    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().expect("the program runs"))
    }

    /// Runs the program with `args` and `input` on its standard input.
    pub fn pipe(&self, args: &[&str], input: &str) -> Ran {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(input.as_bytes()).expect("the program reads");
        drop(stdin);
        Ran::of(child.wait_with_output().expect("the program ends"))
    }
}

/// What a run came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    fn of(output: Output) -> Ran {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Ran { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// What was printed by a run that must have gone well and silently.
    pub fn ok(self) -> String {
        assert_eq!((self.code, &*self.err), (Some(0), ""), "{self:?}");
        self.out
    }

    /// The error of a run that must have failed with `code`.
    pub fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        self.err
    }
}

/// The rows of a lake as JSON: binary columns as hex.
pub struct Rows {
    pub blocks: Vec<Value>,
    pub transactions: Vec<Value>,
    pub inputs: Vec<Value>,
    pub outputs: Vec<Value>,
}

impl Rows {
    /// Three blocks. The first coinbase cannot be spent; the second is spent in the third block,
    /// with 5 satoshi as fee.
    pub fn valid() -> Rows {
        let mut rows =
            Rows { blocks: vec![], transactions: vec![], inputs: vec![], outputs: vec![] };
        let a = json!("bcrt1qa");
        rows.add_transaction(0, 0, 0, &[(50 * BTC, "p2pk", a.clone(), false)]);
        rows.add_block(0);
        rows.add_transaction(1, 0, 0, &[(50 * BTC, "p2wpkh", a.clone(), true)]);
        rows.add_block(1);
        let none = Value::Null;
        let coinbase =
            [(50 * BTC + 5, "p2tr", json!("bcrt1pb"), true), (0, "op_return", none, false)];
        rows.add_transaction(2, 0, 0, &coinbase);
        let payment = [(30 * BTC, "p2pkh", json!("mC"), true), (20 * BTC - 5, "p2wpkh", a, true)];
        rows.add_transaction(2, 1, 50 * BTC, &payment);
        rows.inputs.push(json!({
            "txid": id(21), "height": 2, "time": time(2), "tx_index": 1, "input_index": 0,
            "spent_txid": id(10), "spent_output_index": 0, "spent_height": 1, "value": 50 * BTC,
            "script_type": "p2wpkh", "address": "bcrt1qa", "sequence": 4_294_967_295u32,
        }));
        rows.add_block(2);
        rows
    }

    fn add_transaction(
        &mut self,
        height: i64,
        index: i64,
        input_value: i64,
        outputs: &[(i64, &str, Value, bool)],
    ) {
        let txid = id(height * 10 + index);
        let output_value: i64 = outputs.iter().map(|output| output.0).sum();
        let is_coinbase = index == 0;
        self.transactions.push(json!({
            "txid": txid, "wtxid": txid, "height": height, "tx_index": index,
            "time": time(height), "version": 2, "lock_time": 0, "size": 200,
            "virtual_size": 150, "weight": 600, "is_coinbase": is_coinbase,
            "input_count": i64::from(!is_coinbase), "output_count": outputs.len(),
            "input_value": input_value, "output_value": output_value,
            "fee": if is_coinbase { 0 } else { input_value - output_value },
        }));
        for (place, (value, script_type, address, is_spendable)) in outputs.iter().enumerate() {
            self.outputs.push(json!({
                "txid": txid, "height": height, "time": time(height), "tx_index": index,
                "output_index": place, "value": value, "script_type": script_type,
                "address": address, "script": "51", "is_spendable": is_spendable,
            }));
        }
    }

    /// Adds the block of the transactions at `height`, mined on top of the one before.
    fn add_block(&mut self, height: i64) {
        let of = |rows: &[Value]| -> Vec<Value> {
            rows.iter().filter(|row| row["height"] == height).cloned().collect()
        };
        let transactions = of(&self.transactions);
        let sum = |column: &str| -> i64 {
            transactions.iter().map(|row| row[column].as_i64().expect("a number")).sum()
        };
        let parent = self.blocks.last().map_or("00".repeat(32), |block| text(block, "hash"));
        let merkle_root = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b";
        let bits = 0x207f_ffffu32;
        let unix = unix_time(height);
        let (nonce, hash) = mine(&parent, merkle_root, unix as u32, bits);
        self.blocks.push(json!({
            "height": height, "hash": hash, "parent_hash": parent, "time": time(height),
            "median_time": time(height), "version": 1, "merkle_root": merkle_root, "bits": bits,
            "nonce": nonce, "difficulty": 4.656542373906925e-10, "chain_work": "02",
            "size": 285, "stripped_size": 285, "weight": 1140,
            "transaction_count": transactions.len(), "input_count": of(&self.inputs).len(),
            "output_count": of(&self.outputs).len(), "output_value": sum("output_value"),
            "subsidy": 50 * BTC, "fees": sum("fee"),
            "coinbase_value": transactions[0]["output_value"], "coinbase_script": "04ffff001d",
            "coinbase_sequence": 4_294_967_295u32, "coinbase_witness": null,
        }));
    }

    fn of(&self, table: &Table) -> &[Value] {
        match table.name {
            "blocks" => &self.blocks,
            "transactions" => &self.transactions,
            "inputs" => &self.inputs,
            _ => &self.outputs,
        }
    }
}

/// A transaction id that is easy to recognise.
pub fn id(number: i64) -> String {
    format!("{number:064}")
}

fn unix_time(height: i64) -> i64 {
    1_296_688_602 + height * 600
}

fn time(height: i64) -> String {
    let minutes = 16 + height * 10;

    format!("2011-02-02T23:{minutes:02}:42Z")
}

fn text(row: &Value, column: &str) -> String {
    row[column].as_str().expect("text").to_owned()
}

/// A nonce from 2 on, which is that of the genesis block, that gives the header a valid hash.
fn mine(parent: &str, merkle_root: &str, time: u32, bits: u32) -> (u32, String) {
    let wire = |text: &str| text.parse::<BlockHash>().expect("a hash").to_wire();
    for nonce in 2.. {
        let mut header = Vec::from(1i32.to_le_bytes());
        header.extend(wire(parent));
        header.extend(wire(merkle_root));
        header.extend([time, bits, nonce].iter().flat_map(|number| number.to_le_bytes()));
        let hash = BlockHash::from_wire(Sha256::digest(Sha256::digest(header)).into());
        if hash.0[0] < 0x80 {
            return (nonce, hash.to_string());
        }
    }
    unreachable!("every second nonce is valid")
}

/// Writes `rows` as a lake of two segments.
fn write_lake(dir: &Path, rows: &Rows) {
    let chain = dir.join("bitcoin");
    fs::create_dir_all(&chain).expect("writable");
    let info = LakeInfo {
        schema_version: SCHEMA_VERSION,
        network: Network::Regtest.to_string(),
        from: 0,
        extras: BTreeSet::new(),
    };
    write_json(&chain.join(lake::LAKE_FILE), &info);
    let segments = [0..2, 2..3].map(|heights| write_segment(&chain, &heights, rows)).into();
    write_json(&chain.join(lake::MANIFEST_FILE), &Manifest { segments, ..Manifest::default() });
    let run = RunInfo {
        program_version: "0.1.0".into(),
        started: 1_700_000_000,
        seconds: 0.5,
        from: 1,
        to: 3,
        block_bytes: 500,
    };
    write_json(&chain.join(lake::RUN_FILE), &run);
}

/// Writes the rows of `heights` as a segment; returns the name of its folder.
fn write_segment(chain: &Path, heights: &Range<u64>, rows: &Rows) -> String {
    let staging = chain.join(lake::STAGING_DIR);
    let dir = &staging;
    fs::create_dir(dir).expect("writable");
    let in_segment = |row: &&Value| heights.contains(&row["height"].as_u64().expect("a height"));
    let tables = bitcoin::TABLES.into_iter().map(|table| {
        let path = dir.join(lake::table_file(table.name));
        let rows: Vec<_> = rows.of(table).iter().filter(in_segment).cloned().collect();
        let batch = batch(table, &rows);
        let file = File::create(&path).expect("writable");
        let mut writer = ArrowWriter::try_new(file, table.schema(), None).expect("a writer");
        writer.write(&batch).expect("rows");
        writer.close().expect("the end");
        let bytes = fs::metadata(&path).expect("there").len();
        (table.name.to_owned(), FileInfo { rows: rows.len() as u64, bytes })
    });
    let tables = tables.collect();
    let hash = |height: u64, column: &str| {
        let block = rows.blocks.iter().find(|block| block["height"] == height);
        let block = block.unwrap_or(&rows.blocks[0]);
        text(block, column).parse().expect("a hash")
    };
    let info = SegmentInfo {
        from: heights.start,
        to: heights.end,
        parent: hash(heights.start, "parent_hash"),
        last: hash(heights.end - 1, "hash"),
        last_parent: hash(heights.end - 1, "parent_hash"),
        block_bytes: 285 * (heights.end - heights.start),
        tables,
    };
    write_json(&dir.join(lake::SEGMENT_FILE), &info);
    fs::rename(&staging, chain.join(info.dir())).expect("writable");
    info.dir()
}

/// The folder of the segment at `place` in the lake `lake`.
pub fn segment(lake: &Path, place: usize) -> PathBuf {
    let chain = lake.join("bitcoin");
    let text = fs::read(chain.join(lake::MANIFEST_FILE)).expect("a manifest");
    let manifest: Manifest = serde_json::from_slice(&text).expect("JSON");
    chain.join(&manifest.segments[place])
}

fn batch(table: &Table, rows: &[Value]) -> RecordBatch {
    let mut decoder = ReaderBuilder::new(table.schema()).build_decoder().expect("a schema");
    decoder.serialize(rows).expect("rows of the schema");
    let batch = decoder.flush().expect("rows of the schema");
    batch.unwrap_or_else(|| RecordBatch::new_empty(table.schema()))
}

fn write_json(path: &Path, value: &impl serde::Serialize) {
    let text = serde_json::to_string(value).expect("JSON");
    fs::write(path, text).expect("writable");
}
