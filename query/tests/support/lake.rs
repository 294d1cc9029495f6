//! A lake of eight blocks in three segments, small enough to know by heart.
//!
//! | height | coinbase | pays | also |
//! |---|---|---|---|
//! | 0 | 00… | alice 50, not spendable | the genesis block |
//! | 1 | 01… | alice 50 | |
//! | 2 | d0… | carol 50, not spendable | overwritten at 5 (BIP 30) |
//! | 3 | 03… | bob 50 | 31… spends 01…: bob 30, alice 20 |
//! | 4 | 04… | bob 50 | its time is before that of 3 |
//! | 5 | d0… | carol 50, OP_RETURN 0 | |
//! | 6 | 01… | erin 50 | repeats the txid of 1, which is spent by then |
//! | 7 | 07… | dave 50 | 71… spends d0… of 5 and 31…:1: dave 70 |

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray, new_null_array,
};
use assay_model::lake::{
    FileInfo, LAKE_FILE, LakeInfo, MANIFEST_FILE, Manifest, SCHEMA_VERSION, SEGMENT_FILE,
    SegmentInfo, segment_heights, table_file,
};
use assay_model::{BlockHash, Chain, Column, ColumnType, Network, Table};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

/// The segments of the lake that [`write`] makes.
pub const SEGMENTS: [Range<u64>; 3] = [0..3, 3..5, 5..8];

/// Header times, days since 1970-01-01: one block a day from 2009-01-03, the one at height 4
/// twelve hours before that at height 3.
pub fn time_micros(height: u64) -> i64 {
    let half_days = if height == 4 { 5 } else { 2 * height as i64 };
    (14_247 * 2 + half_days) * 43_200_000_000
}

/// A value of a row that is written by hand.
#[derive(Clone, Debug)]
pub enum Value {
    Int(i64),
    Text(&'static str),
    Bytes(Vec<u8>),
    Bool(bool),
    Null,
}

/// A row by the names of its columns; those that nobody asks for may be left out.
pub type Row = BTreeMap<&'static str, Value>;

/// Writes the whole lake.
pub fn write(dir: &Path) {
    write_info(dir, SCHEMA_VERSION);
    for heights in SEGMENTS {
        write_segment(dir, heights);
    }
}

/// Writes the lake's description alone: a lake without segments.
pub fn write_info(dir: &Path, schema_version: u32) {
    write_info_of(dir, Chain::Bitcoin, schema_version);
}

/// Writes the description of a chain that has no segments.
pub fn write_info_of(dir: &Path, chain: Chain, schema_version: u32) {
    let info = LakeInfo {
        schema_version,
        network: Network::Regtest.to_string(),
        from: 0,
        extras: BTreeSet::new(),
    };
    let dir = dir.join(chain.name());
    fs::create_dir_all(&dir).expect("a folder");
    let text = serde_json::to_vec(&info).expect("JSON");
    fs::write(dir.join(LAKE_FILE), text).expect("a file");
}

/// Writes one segment of the lake that [`write`] makes.
pub fn write_segment(dir: &Path, heights: Range<u64>) {
    write_segment_of(dir, Chain::Bitcoin, heights, |table, heights| {
        batch(table, &heights.flat_map(|height| rows_at(table, height)).collect::<Vec<_>>())
    });
}

/// `rows` as the table has them.
pub fn batch(table: &Table, rows: &[Row]) -> RecordBatch {
    let arrays = table.columns.iter().map(|column| array(column, rows)).collect();
    RecordBatch::try_new(table.schema(), arrays).expect("the model's schema")
}

/// Writes one segment of `chain`, beside its place first, as the indexer does.
pub fn write_segment_of(
    dir: &Path,
    chain: Chain,
    heights: Range<u64>,
    rows: impl Fn(&Table, Range<u64>) -> RecordBatch,
) {
    let folder = dir.join(chain.name());
    let staging = folder.join(".staging");
    fs::create_dir_all(&staging).expect("a folder");
    let mut tables = BTreeMap::new();
    for table in chain.tables() {
        let rows = rows(table, heights.clone());
        let path = staging.join(table_file(table.name));
        write_file(&path, &rows);
        let bytes = fs::metadata(&path).expect("a file").len();
        tables.insert(table.name.to_owned(), FileInfo { rows: rows.num_rows() as u64, bytes });
    }
    let hash = |height: u64| BlockHash(block_hash(height).try_into().expect("32 bytes"));
    let info = SegmentInfo {
        from: heights.start,
        to: heights.end,
        parent: heights.start.checked_sub(1).map(hash).unwrap_or_default(),
        last: hash(heights.end - 1),
        last_parent: (heights.end - 1).checked_sub(1).map(hash).unwrap_or_default(),
        block_bytes: 1_000 * (heights.end - heights.start),
        tables,
    };
    let text = serde_json::to_vec(&info).expect("JSON");
    fs::write(staging.join(SEGMENT_FILE), text).expect("a file");
    fs::rename(&staging, folder.join(info.dir())).expect("a rename");
    let mut manifest = manifest_of(dir, chain);
    manifest
        .segments
        .retain(|name| segment_heights(name).is_some_and(|known| known.end <= info.from));
    manifest.segments.push(info.dir());
    write_manifest(dir, chain, &manifest);
}

/// What the manifest says.
pub fn manifest(dir: &Path) -> Manifest {
    manifest_of(dir, Chain::Bitcoin)
}

/// What the manifest of `chain` says.
pub fn manifest_of(dir: &Path, chain: Chain) -> Manifest {
    match fs::read(dir.join(chain.name()).join(MANIFEST_FILE)) {
        Ok(text) => serde_json::from_slice(&text).expect("JSON"),
        Err(_) => Manifest::default(),
    }
}

/// Replaces the manifest of `chain`.
pub fn write_manifest(dir: &Path, chain: Chain, manifest: &Manifest) {
    let text = serde_json::to_vec(manifest).expect("JSON");
    fs::write(dir.join(chain.name()).join(MANIFEST_FILE), text).expect("a file");
}

/// The folder of the segment that begins at `height`.
pub fn segment(dir: &Path, height: u64) -> PathBuf {
    let names = manifest(dir).segments.into_iter();
    let mut named = names.filter(|name| segment_heights(name).is_some_and(|h| h.start == height));
    dir.join(Chain::Bitcoin.name()).join(named.next().expect("a segment"))
}

fn write_file(path: &Path, rows: &RecordBatch) {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let file = File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).expect("writer");
    writer.write(rows).expect("rows");
    writer.close().expect("a footer");
}

fn array(column: &Column, rows: &[Row]) -> ArrayRef {
    let values = || rows.iter().map(|row| row.get(column.name));
    let ints = || values().map(|value| if let Some(Value::Int(n)) = value { *n } else { 0 });
    match column.kind {
        ColumnType::Boolean => Arc::new(BooleanArray::from_iter(
            values().map(|value| Some(matches!(value, Some(Value::Bool(true))))),
        )),
        ColumnType::Int32 => Arc::new(Int32Array::from_iter_values(ints().map(|n| n as i32))),
        ColumnType::Int64 => Arc::new(Int64Array::from_iter_values(ints())),
        ColumnType::Float64 => Arc::new(Float64Array::from_iter_values(ints().map(|n| n as f64))),
        ColumnType::Text => Arc::new(StringArray::from_iter(values().map(|value| match value {
            Some(Value::Text(text)) => Some(*text),
            _ => (!column.nullable).then_some(""),
        }))),
        ColumnType::Bytes => Arc::new(BinaryArray::from_iter(values().map(|value| match value {
            Some(Value::Bytes(bytes)) => Some(bytes.as_slice()),
            // Hashes that nobody asks for.
            _ => (!column.nullable).then_some(&[0; 32][..]),
        }))),
        ColumnType::Time => {
            Arc::new(TimestampMicrosecondArray::from_iter_values(ints()).with_timezone("UTC"))
        }
        // The lake is of Bitcoin, and keeps no witnesses.
        other => new_null_array(&other.data_type(), rows.len()),
    }
}

/// The hash of the block at `height`.
pub fn block_hash(height: u64) -> Vec<u8> {
    vec![0xb0 + height as u8; 32]
}

fn txid(byte: u8) -> Value {
    Value::Bytes(vec![byte; 32])
}

fn coinbase(height: u64) -> u8 {
    match height {
        2 | 5 => 0xd0,
        6 => 0x01,
        height => height as u8,
    }
}

/// Transactions of a block beside its coinbase: first byte of the txid.
fn payments(height: u64) -> &'static [u8] {
    match height {
        3 => &[0x31],
        7 => &[0x71],
        _ => &[],
    }
}

fn rows_at(table: &Table, height: u64) -> Vec<Row> {
    let rows = match table.name {
        "blocks" => vec![Row::from([("hash", Value::Bytes(block_hash(height)))])],
        "transactions" => [coinbase(height)]
            .iter()
            .chain(payments(height))
            .map(|byte| {
                Row::from([
                    ("txid", txid(*byte)),
                    ("is_coinbase", Value::Bool(*byte == coinbase(height))),
                ])
            })
            .collect(),
        "inputs" => inputs(height),
        _ => outputs(height),
    };
    let common = |mut row: Row| {
        row.insert("height", Value::Int(height as i64));
        row.insert("time", Value::Int(time_micros(height)));
        row
    };
    rows.into_iter().map(common).collect()
}

const BTC: i64 = 100_000_000;

fn inputs(height: u64) -> Vec<Row> {
    let input = |place, (byte, spent_index, spent_height), value: i64, address| {
        Row::from([
            ("txid", txid(payments(height)[0])),
            ("tx_index", Value::Int(1)),
            ("input_index", Value::Int(place)),
            ("spent_txid", txid(byte)),
            ("spent_output_index", Value::Int(spent_index)),
            ("spent_height", Value::Int(spent_height)),
            ("value", Value::Int(value * BTC)),
            ("script_type", Value::Text("p2pkh")),
            ("address", Value::Text(address)),
        ])
    };
    match height {
        3 => vec![input(0, (0x01, 0, 1), 50, "alice")],
        7 => vec![input(0, (0xd0, 0, 5), 50, "carol"), input(1, (0x31, 1, 3), 20, "alice")],
        _ => vec![],
    }
}

fn outputs(height: u64) -> Vec<Row> {
    let output = |byte, (tx, place), value: i64, address: Option<&'static str>, spendable| {
        let kind = if address.is_some() { "p2pkh" } else { "op_return" };
        Row::from([
            ("txid", txid(byte)),
            ("tx_index", Value::Int(tx)),
            ("output_index", Value::Int(place)),
            ("value", Value::Int(value * BTC)),
            ("script_type", Value::Text(kind)),
            ("address", address.map_or(Value::Null, Value::Text)),
            ("script", Value::Bytes(vec![height as u8, place as u8])),
            ("is_spendable", Value::Bool(spendable)),
        ])
    };
    let miner = ["alice", "alice", "carol", "bob", "bob", "carol", "erin", "dave"][height as usize];
    let spendable = !matches!(height, 0 | 2);
    let mut rows = vec![output(coinbase(height), (0, 0), 50, Some(miner), spendable)];
    match height {
        3 => {
            rows.push(output(0x31, (1, 0), 30, Some("bob"), true));
            rows.push(output(0x31, (1, 1), 20, Some("alice"), true));
        }
        5 => rows.push(output(0xd0, (0, 1), 0, None, false)),
        7 => rows.push(output(0x71, (1, 0), 70, Some("dave"), true)),
        _ => {}
    }
    rows
}
