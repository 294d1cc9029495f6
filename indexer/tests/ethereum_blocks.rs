//! Real blocks of mainnet in RLP, of every fork and every type of transaction, against what others
//! say of them: senders, sums, and token transfers.

#[path = "common/known.rs"]
mod known;
#[path = "common/node.rs"]
mod node;
#[path = "common/replay.rs"]
mod replay;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Decimal256Type, Int32Type, Int64Type};
use assay_fixtures::shared;
use assay_indexer::decode::Decode;
use assay_indexer::decode::ethereum::{Decoder, Fault, Rules};
use assay_indexer::raw::dao::DAO_ACCOUNTS;
use assay_indexer::raw::ethereum::RawBlock;
use assay_indexer::rlp::{Block, Reader};
use assay_model::ethereum::Network;
use assay_model::{BlockHash, BlockRef, hex};

/// The text of a file.
fn text(path: &Path) -> String {
    let bytes = shared::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    String::from_utf8(bytes).expect("text")
}

/// Every block of the folder `rlp` that has its receipts, by height.
fn blocks(data: &Path) -> BTreeMap<u64, RawBlock> {
    let mut blocks = BTreeMap::new();
    for entry in std::fs::read_dir(data.join("rlp/mainnet")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let receipts = match name.strip_suffix(".block.rlp") {
            Some(stem) => path.with_file_name(format!("{stem}.receipts.rlp")),
            None => match name.strip_suffix(".blocks") {
                Some(stem) => path.with_file_name(format!("{stem}.receipts")),
                None => continue,
            },
        };
        let bytes = std::fs::read(&path).expect("readable");
        let receipts = std::fs::read(receipts).ok();
        let mut items = Reader::new(&bytes);
        let mut lists = receipts.as_deref().map(Reader::new);
        while !items.is_empty() {
            let raw = items.raw().expect("a block");
            let block = Block::read(&mut Reader::new(raw)).expect("a block");
            let receipts = match &mut lists {
                Some(lists) => lists.raw().expect("receipts of each block").to_vec(),
                None if block.transactions.is_empty() => vec![0xc0],
                None => continue,
            };
            let (height, place) = (block.header.height, name.clone());
            let [hash, parent] =
                [block.header.hash, block.header.parent_hash].map(|hash| BlockHash(hash.0));
            let block = BlockRef { height, hash, parent };
            blocks.insert(height, RawBlock::new(block, raw.to_vec(), receipts, place));
        }
    }
    blocks
}

/// The rows of one block, by table.
struct Rows(BTreeMap<&'static str, RecordBatch>);

fn decode(raw: &RawBlock) -> Result<Rows, Fault> {
    let rules = Arc::new(Rules::of(Network::MAINNET));
    let decoder = Decoder { rules, genesis: None, with_traces: true };
    let batch = decoder.decode(std::slice::from_ref(raw)).map_err(|(_, error)| error.fault)?;
    Ok(Rows(batch.tables().map(|(table, rows)| (table.name, rows.clone())).collect()))
}

impl Rows {
    fn count(&self, table: &str) -> usize {
        self.0[table].num_rows()
    }

    fn column(&self, table: &str, column: &str) -> &dyn Array {
        &**self.0[table].column_by_name(column).unwrap_or_else(|| panic!("{table}.{column}"))
    }

    fn hex(&self, table: &str, column: &str) -> Vec<String> {
        let bytes = self.column(table, column).as_binary::<i32>();
        let text = |bytes: Option<&[u8]>| {
            bytes.map_or(String::new(), |bytes| format!("0x{}", hex::encode(bytes)))
        };
        bytes.iter().map(text).collect()
    }

    fn ints(&self, table: &str, column: &str) -> Vec<i64> {
        let column = self.column(table, column);
        match column.as_primitive_opt::<Int32Type>() {
            Some(small) => small.values().iter().map(|&value| i64::from(value)).collect(),
            None => column.as_primitive::<Int64Type>().values().to_vec(),
        }
    }

    /// The sum of a column of amounts, without what is absent.
    fn sum(&self, table: &str, column: &str) -> i128 {
        self.column(table, column).as_primitive::<Decimal128Type>().iter().flatten().sum()
    }
}

#[test]
fn senders_are_those_that_another_program_recovered() {
    let Some(data) = shared::dir("ethereum") else { return };
    let blocks = blocks(&data);
    let mut compared = 0;
    for entry in std::fs::read_dir(data.join("peers/covalent-rudder")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let json: serde_json::Value = serde_json::from_str(&text(&path)).expect("JSON");
        let raw = &blocks[&json["block"].as_u64().expect("a height")];
        let senders = decode(raw).expect("a valid block").hex("transactions", "from_address");
        let expected: Vec<_> = json["senders"].as_array().expect("a list").iter().collect();
        assert_eq!(senders.len(), expected.len());
        for (sender, expected) in senders.iter().zip(expected) {
            assert_eq!(sender, expected.as_str().expect("an address"), "{}", path.display());
            compared += 1;
        }
    }
    assert!(compared > 1000, "{compared}");
}

#[test]
fn blocks_add_up_to_what_another_decoder_found() {
    let Some(data) = shared::dir("ethereum") else { return };
    let blocks = blocks(&data);
    let facts = text(&data.join("expected/block-facts.csv"));
    let mut lines = facts.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().expect("a header");
    let mut compared = 0;
    for line in lines {
        let fact: BTreeMap<_, _> = names.iter().copied().zip(line).collect();
        let height: u64 = fact["block"].parse().expect("a height");
        let Some(raw) = blocks.get(&height) else { continue };
        let rows = decode(raw).unwrap_or_else(|fault| panic!("block {height}: {fault}"));
        let types = rows.ints("transactions", "type");
        let standards = rows.column("token_transfers", "standard").as_string::<i32>();
        let of = |name: &str| standards.iter().flatten().filter(|found| *found == name).count();
        let of_type = |kind: i64| types.iter().filter(|found| **found == kind).count();
        let failed = rows.column("transactions", "is_failed").as_boolean().true_count();
        let has_status = rows.column("transactions", "status").null_count() == 0;
        let expect = |name: &str, found: i128| match fact[name] {
            "" => {}
            wanted => assert_eq!(found.to_string(), wanted, "block {height}: {name}"),
        };
        expect("txs", rows.count("transactions") as i128);
        for kind in 0..=4 {
            expect(&format!("type{kind}"), of_type(kind) as i128);
        }
        if has_status {
            expect("failed_txs", failed as i128);
        }
        expect("withdrawals", rows.count("withdrawals") as i128);
        expect("uncles", rows.ints("blocks", "uncle_count")[0].into());
        expect("logs", rows.count("logs") as i128);
        expect("erc20_transfers", of("erc20") as i128);
        expect("erc721_transfers", of("erc721") as i128);
        expect("unindexed_transfers", of("unindexed") as i128);
        expect("gas_used", rows.ints("blocks", "gas_used")[0].into());
        let blob_fees = rows.sum("transactions", "blob_fee");
        expect("burnt_wei", rows.sum("blocks", "burnt") - blob_fees);
        expect("total_tx_fees_wei", rows.sum("blocks", "fees") - blob_fees);
        expect("blob_burnt_wei", blob_fees);
        compared += 1;
    }
    assert_eq!(compared, 64, "blocks with receipts");
}

#[tokio::test]
async fn token_transfers_are_those_that_another_decoder_found() {
    let Some(data) = shared::dir("ethereum") else { return };
    let expected = text(&data.join("expected/token-transfers.csv.gz"));
    let mut by_block: BTreeMap<u64, Vec<Vec<&str>>> = BTreeMap::new();
    for line in expected.lines().skip(1) {
        let fields: Vec<_> = line.split(',').collect();
        by_block.entry(fields[0].parse().expect("a height")).or_default().push(fields);
    }
    let mut blocks = blocks(&data);
    for &height in by_block.keys() {
        // The others are there as a node answers them.
        if let Entry::Vacant(place) = blocks.entry(height) {
            place.insert(replay::told(&data, height).await);
        }
    }
    let mut compared = 0;
    for (height, raw) in blocks {
        let Some(expected) = by_block.remove(&height) else { continue };
        let rows = decode(&raw).unwrap_or_else(|fault| panic!("block {height}: {fault}"));
        let table = "token_transfers";
        let standards = rows.column(table, "standard").as_string::<i32>();
        let decimal = |column: &str, row: usize| {
            let values = rows.column(table, column).as_primitive::<Decimal256Type>();
            values.is_valid(row).then(|| values.value(row).to_string())
        };
        let (tx_index, log_index) = (rows.ints(table, "tx_index"), rows.ints(table, "log_index"));
        let [token, from, to, raw_value] = ["token", "from_address", "to_address", "value_raw"]
            .map(|column| rows.hex(table, column));
        assert_eq!(rows.count(table), expected.len(), "block {height}");
        for (row, wanted) in expected.iter().enumerate() {
            let kind = standards.value(row);
            // The other decoder writes the id where the standard has one, then the amount.
            let number = match kind {
                "erc20" => decimal("value", row),
                "unindexed" => {
                    let digits = raw_value[row].trim_start_matches("0x");
                    i128::from_str_radix(&digits[32..], 16).ok().map(|value| value.to_string())
                }
                _ => decimal("token_id", row),
            };
            let amount = if kind == "erc1155" { decimal("value", row) } else { None };
            let found = [
                tx_index[row].to_string(),
                log_index[row].to_string(),
                token[row].clone(),
                from[row].clone(),
                to[row].clone(),
            ];
            let place = format!("block {height}, log {}", log_index[row]);
            assert_eq!(found[..3], wanted[1..4], "{place}");
            assert!(wanted[4].starts_with(kind), "{place}: {kind}, {}", wanted[4]);
            assert_eq!(found[3..], wanted[5..7], "{place}");
            // Numbers of more than 76 digits are kept as bytes alone.
            if let Some(number) = number {
                assert_eq!(number, wanted[7], "{place}");
            }
            assert_eq!(amount.unwrap_or_default(), wanted[8], "{place}");
            compared += 1;
        }
    }
    assert!(by_block.is_empty(), "blocks without data: {:?}", by_block.keys());
    assert_eq!(compared, 15_401);
}

#[test]
fn the_fork_of_the_dao_moves_what_its_accounts_had() {
    let Some(data) = shared::dir("ethereum") else { return };
    let mut raw = blocks(&data)[&19_426_587].clone();
    // The list of EIP-779 has no account twice.
    assert_eq!(BTreeSet::from(DAO_ACCOUNTS).len(), DAO_ACCOUNTS.len());
    raw.dao_balances = Some((1..=116).collect());
    let rows = decode(&raw).expect("a valid block");
    let kinds = rows.column("value_flows", "kind").as_string::<i32>();
    let values = rows.column("value_flows", "value").as_primitive::<Decimal128Type>();
    let to = rows.hex("value_flows", "to_address");
    for (place, to) in to.iter().enumerate().take(116) {
        assert_eq!((kinds.value(place), values.value(place)), ("dao_move", place as i128 + 1));
        assert_eq!(to, "0xbf4ed7b27f1d666546e30d74d50d173d20bca754");
    }
    assert_ne!(kinds.value(116), "dao_move");
    raw.dao_balances = Some(vec![1]);
    assert!(decode(&raw).err().expect("balances are missing").to_string().contains("not 116"));
}

#[test]
fn a_block_that_was_tampered_with_is_refused_by_what_was_changed() {
    let Some(data) = shared::dir("ethereum") else { return };
    let blocks = blocks(&data);
    let good = &blocks[&19_426_587];
    let check = |change: fn(&mut RawBlock), expected: &str| {
        let mut raw = good.clone();
        change(&mut raw);
        let fault = decode(&raw).err().expect("it is not the block any more").to_string();
        assert!(fault.contains(expected), "{fault}");
    };
    check(|raw| raw.block.hash = BlockHash([1; 32]), "its header hashes to");
    check(|raw| raw.block.parent = BlockHash([1; 32]), "its parent is");
    check(|raw| raw.block.height += 1, "says that it is block 19426587");
    check(|raw| raw.bytes.truncate(1000), "its data is damaged");
    check(|raw| raw.bytes.push(0), "there is more behind byte");
    check(|raw| *raw.bytes.last_mut().expect("bytes") ^= 1, "withdrawals are not those");
    check(|raw| raw.receipts = vec![0xc0], "and 0 receipts");
    check(|raw| raw.receipts[100] ^= 1, "receipts are not those");
    check(|raw| raw.receipts.truncate(100), "its receipts are damaged");
    check(|raw| raw.senders = Some(vec![]), "and 0 senders");
    check(|raw| raw.traces = Some(vec![]), "and 0 traces of transactions");
    check(|raw| raw.blob_gas_price = Some(7), "blob gas costs 7 wei by the source");
}
