//! Single blocks: made by hand, and every row of them compared with what the `bitcoin` crate says.
#![allow(dead_code, reason = "each test file uses its part")]

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{ArrowPrimitiveType, Int32Type, Int64Type};
use assay_indexer::decode::Decode;
use assay_indexer::decode::bitcoin::{Decoder, Fault};
use assay_indexer::raw::bitcoin::{RawBlock, SpentOutputs};
use assay_indexer::wire::{Header, Reader};
use assay_model::{Batch, BlockHash, BlockRef, Network};
use bitcoin::hashes::Hash;
use bitcoin::{Address, Block, Script, Transaction};

/// An output that an input spends, as a test knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    pub value: u64,
    pub height: u32,
    pub script: Vec<u8>,
}

/// The block in `bytes` at `height`, which spends `spent`: one list for each transaction but the
/// coinbase. Median time and work, which no single block tells, are made up.
pub fn raw_block(height: u64, bytes: Vec<u8>, spent: &[Vec<Spent>]) -> RawBlock {
    let header = Header::read(&mut Reader::new(&bytes)).expect("a header");
    let hash = Header::hash_of(bytes.first_chunk().expect("a header"));
    let [hash, parent] = [hash, header.parent].map(BlockHash::from_wire);
    RawBlock {
        block: BlockRef { height, hash, parent },
        bytes,
        spent: Some(spent_outputs(spent)),
        median_time: header.time,
        chain_work: [0; 32],
        place: "memory".to_owned(),
    }
}

/// `spent` in the form that the decoder takes.
pub fn spent_outputs(spent: &[Vec<Spent>]) -> SpentOutputs {
    let mut outputs = SpentOutputs::default();
    for transaction in spent {
        outputs.begin_transaction();
        for output in transaction {
            let Ok(()) = outputs.push_with(output.value, output.height, |script| {
                script.extend(&output.script);
                Ok::<(), std::convert::Infallible>(())
            });
        }
    }
    outputs
}

/// Spent outputs that make the values of `block` balance to the satoshi: whoever claims more than
/// the subsidy got it from the fee of the last transaction.
pub fn balancing(network: Network, height: u64, block: &Block) -> Vec<Vec<Spent>> {
    let paid = |tx: &Transaction| tx.output.iter().map(|output| output.value.to_sat()).sum::<u64>();
    let fees = paid(&block.txdata[0]).saturating_sub(network.subsidy(height).get());
    let transactions = block.txdata.len();
    let spent = block.txdata.iter().enumerate().skip(1).map(|(tx_index, tx)| {
        let fee = if tx_index + 1 == transactions { fees } else { 0 };
        let value = |input| if input == 0 { paid(tx) + fee } else { 0 };
        (0..tx.input.len())
            .map(|input| Spent { value: value(input), height: 0, script: vec![0x51] })
            .collect()
    });
    spent.collect()
}

/// The rows of one block, or what is wrong with it.
pub fn decode(network: Network, raw: &RawBlock) -> Result<Batch, Fault> {
    let decoder = Decoder { network, with_scripts: true };
    decoder.decode(std::slice::from_ref(raw)).map_err(|(_, error)| error.fault)
}

/// Decodes `raw`, which is `block` and spends `spent`, and compares every row.
pub fn check(network: Network, raw: &RawBlock, block: &Block, spent: &[Vec<Spent>]) -> Batch {
    let batch = match decode(network, raw) {
        Ok(batch) => batch,
        Err(fault) => panic!("block {} {} is refused: {fault}", raw.block.height, raw.block.hash),
    };
    check_block(network, table(&batch, "blocks"), raw, block, spent);
    check_transactions(table(&batch, "transactions"), block, spent);
    check_inputs(network, table(&batch, "inputs"), block, spent);
    check_outputs(network, table(&batch, "outputs"), block);
    batch
}

pub fn table<'a>(batch: &'a Batch, name: &str) -> &'a RecordBatch {
    batch.tables().find(|(table, _)| table.name == name).map(|(_, rows)| rows).expect("a table")
}

fn column<'a>(rows: &'a RecordBatch, name: &str) -> &'a dyn Array {
    rows.column_by_name(name).unwrap_or_else(|| panic!("column {name}"))
}

fn check_numbers<T: ArrowPrimitiveType>(
    rows: &RecordBatch,
    name: &str,
    expected: impl Iterator<Item = T::Native>,
) {
    let expected: Vec<T::Native> = expected.collect();
    let found: &[T::Native] = column(rows, name).as_primitive::<T>().values();
    if let Some(row) = (0..found.len().min(expected.len())).find(|&at| found[at] != expected[at]) {
        panic!("{name} of row {row} is {:?}, not {:?}", found[row], expected[row]);
    }
    assert_eq!(found.len(), expected.len(), "rows of {name}");
}

fn check_i64(rows: &RecordBatch, name: &str, expected: impl Iterator<Item = u64>) {
    check_numbers::<Int64Type>(rows, name, expected.map(|value| value as i64));
}

fn check_i32(rows: &RecordBatch, name: &str, expected: impl Iterator<Item = usize>) {
    check_numbers::<Int32Type>(rows, name, expected.map(|value| value as i32));
}

/// Compares a column of bytes; hashes come in the order of the wire and are turned round.
fn check_bytes<B: AsRef<[u8]>>(rows: &RecordBatch, name: &str, expected: impl Iterator<Item = B>) {
    let found = column(rows, name).as_binary::<i32>();
    let mut row = 0;
    for value in expected {
        assert_eq!(found.value(row), value.as_ref(), "{name} of row {row}");
        row += 1;
    }
    assert_eq!(found.len(), row, "rows of {name}");
}

fn display_order(hash: [u8; 32]) -> [u8; 32] {
    BlockHash::from_wire(hash).0
}

fn check_block(
    network: Network,
    rows: &RecordBatch,
    raw: &RawBlock,
    block: &Block,
    spent: &[Vec<Spent>],
) {
    let header = &block.header;
    let output_values = |tx: &Transaction| tx.output.iter().map(|o| o.value.to_sat()).sum::<u64>();
    let all_outputs: u64 = block.txdata.iter().map(output_values).sum();
    let claimed = output_values(&block.txdata[0]);
    let spent_value: u64 = spent.iter().flatten().map(|output| output.value).sum();
    let fees = spent_value - (all_outputs - claimed);
    let stripped: usize = block.total_size()
        - block.txdata.iter().map(|tx| tx.total_size() - tx.base_size()).sum::<usize>();
    let inputs: usize = block.txdata.iter().skip(1).map(|tx| tx.input.len()).sum();
    let outputs: usize = block.txdata.iter().map(|tx| tx.output.len()).sum();
    for (name, expected) in [
        ("height", raw.block.height),
        ("bits", u64::from(header.bits.to_consensus())),
        ("nonce", u64::from(header.nonce)),
        ("size", raw.bytes.len() as u64),
        ("stripped_size", stripped as u64),
        ("weight", block.weight().to_wu()),
        ("transaction_count", block.txdata.len() as u64),
        ("input_count", inputs as u64),
        ("output_count", outputs as u64),
        ("output_value", all_outputs),
        ("subsidy", network.subsidy(raw.block.height).get()),
        ("fees", fees),
        ("coinbase_value", claimed),
        ("coinbase_sequence", u64::from(block.txdata[0].input[0].sequence.to_consensus_u32())),
    ] {
        check_i64(rows, name, [expected].into_iter());
    }
    check_numbers::<Int32Type>(rows, "version", [header.version.to_consensus()].into_iter());
    check_bytes(rows, "hash", [display_order(block.block_hash().to_byte_array())].iter());
    check_bytes(rows, "parent_hash", [display_order(header.prev_blockhash.to_byte_array())].iter());
    check_bytes(rows, "merkle_root", [display_order(header.merkle_root.to_byte_array())].iter());
    check_bytes(rows, "coinbase_script", [block.txdata[0].input[0].script_sig.as_bytes()].iter());
    let witness = column(rows, "coinbase_witness").as_binary::<i32>();
    let reserved = block.txdata[0].input[0].witness.nth(0);
    assert_eq!(witness.is_valid(0).then(|| witness.value(0)), reserved);
    let difficulty = column(rows, "difficulty").as_primitive::<arrow::datatypes::Float64Type>();
    let theirs = header.difficulty_float();
    assert!((difficulty.value(0) - theirs).abs() <= theirs * 1e-9, "difficulty");
}

fn check_transactions(rows: &RecordBatch, block: &Block, spent: &[Vec<Spent>]) {
    let transactions = || block.txdata.iter();
    let txids = transactions().map(|tx| display_order(tx.compute_txid().to_byte_array()));
    check_bytes(rows, "txid", txids);
    let wtxids = transactions().map(|tx| display_order(tx.compute_wtxid().to_byte_array()));
    check_bytes(rows, "wtxid", wtxids);
    check_i32(rows, "tx_index", 0..block.txdata.len());
    check_i64(rows, "version", transactions().map(|tx| u64::from(tx.version.0 as u32)));
    let lock_times = transactions().map(|tx| u64::from(tx.lock_time.to_consensus_u32()));
    check_i64(rows, "lock_time", lock_times);
    check_i64(rows, "size", transactions().map(|tx| tx.total_size() as u64));
    check_i64(rows, "virtual_size", transactions().map(|tx| tx.vsize() as u64));
    check_i64(rows, "weight", transactions().map(|tx| tx.weight().to_wu()));
    let inputs = transactions().map(|tx| if tx.is_coinbase() { 0 } else { tx.input.len() });
    check_i32(rows, "input_count", inputs);
    check_i32(rows, "output_count", transactions().map(|tx| tx.output.len()));
    let input_values: Vec<u64> = std::iter::once(0)
        .chain(spent.iter().map(|outputs| outputs.iter().map(|output| output.value).sum()))
        .collect();
    let output_values: Vec<u64> =
        transactions().map(|tx| tx.output.iter().map(|o| o.value.to_sat()).sum()).collect();
    check_i64(rows, "input_value", input_values.iter().copied());
    check_i64(rows, "output_value", output_values.iter().copied());
    let fees = input_values.iter().zip(&output_values).enumerate();
    let fees = fees.map(|(at, (input, output))| if at == 0 { 0 } else { input - output });
    check_i64(rows, "fee", fees);
    let coinbases = column(rows, "is_coinbase").as_boolean();
    assert!(coinbases.iter().zip(transactions()).all(|(ours, tx)| ours == Some(tx.is_coinbase())));
}

fn check_inputs(network: Network, rows: &RecordBatch, block: &Block, spent: &[Vec<Spent>]) {
    let inputs = || block.txdata.iter().skip(1).flat_map(|tx| &tx.input);
    let outputs = || spent.iter().flatten();
    let spent_txids =
        inputs().map(|input| display_order(input.previous_output.txid.to_byte_array()));
    check_bytes(rows, "spent_txid", spent_txids);
    check_i64(rows, "spent_output_index", inputs().map(|i| u64::from(i.previous_output.vout)));
    check_i64(rows, "sequence", inputs().map(|i| u64::from(i.sequence.to_consensus_u32())));
    check_i64(rows, "value", outputs().map(|output| output.value));
    check_i64(rows, "spent_height", outputs().map(|output| u64::from(output.height)));
    check_bytes(rows, "script_sig", inputs().map(|input| input.script_sig.as_bytes()));
    check_scripts(network, rows, outputs().map(|output| output.script.as_slice()));
    let witnesses = column(rows, "witness").as_list::<i32>();
    for (row, input) in inputs().enumerate() {
        let witness = witnesses.value(row);
        assert!(witness.as_binary::<i32>().iter().flatten().eq(input.witness.iter()), "row {row}");
    }
    let indexes = block.txdata.iter().skip(1).flat_map(|tx| 0..tx.input.len());
    check_i32(rows, "input_index", indexes);
}

fn check_outputs(network: Network, rows: &RecordBatch, block: &Block) {
    let outputs = || block.txdata.iter().flat_map(|tx| &tx.output);
    check_i64(rows, "value", outputs().map(|output| output.value.to_sat()));
    check_bytes(rows, "script", outputs().map(|output| output.script_pubkey.as_bytes()));
    check_scripts(network, rows, outputs().map(|output| output.script_pubkey.as_bytes()));
    check_i32(rows, "output_index", block.txdata.iter().flat_map(|tx| 0..tx.output.len()));
    let indexes = block.txdata.iter().enumerate();
    let indexes = indexes.flat_map(|(at, tx)| std::iter::repeat_n(at, tx.output.len()));
    check_i32(rows, "tx_index", indexes);
}

/// Compares types and addresses with the `bitcoin` crate's.
fn check_scripts<'a>(
    network: Network,
    rows: &RecordBatch,
    scripts: impl Iterator<Item = &'a [u8]>,
) {
    let kinds = column(rows, "script_type").as_string::<i32>();
    let addresses = column(rows, "address").as_string::<i32>();
    let network = assay_fixtures::bitcoin::chain::bitcoin_network(network);
    let mut row = 0;
    for script in scripts {
        let script = Script::from_bytes(script);
        let kind = kinds.value(row);
        assert!(fits(kind, script), "row {row} is no {kind}: {script}");
        let theirs = match kind {
            "p2pk" => {
                let bytes = script.as_bytes();
                let hash = bitcoin::PubkeyHash::hash(&bytes[1..bytes.len() - 1]);
                Some(Address::p2pkh(hash, network).to_string())
            }
            _ => Address::from_script(script, network).ok().map(|address| address.to_string()),
        };
        let ours = addresses.is_valid(row).then(|| addresses.value(row));
        assert_eq!(ours, theirs.as_deref(), "address of row {row}: {script}");
        row += 1;
    }
    assert_eq!(kinds.len(), row);
}

/// Whether the `bitcoin` crate agrees that `script` is of this kind. It looks less closely at
/// public keys and at what follows an `OP_RETURN`, so there it only has to allow the kind.
fn fits(kind: &str, script: &Script) -> bool {
    let exact = [
        ("p2pkh", script.is_p2pkh()),
        ("p2sh", script.is_p2sh()),
        ("p2wpkh", script.is_p2wpkh()),
        ("p2wsh", script.is_p2wsh()),
        ("p2tr", script.is_p2tr()),
    ];
    let allowed = match kind {
        "p2pk" => script.is_p2pk(),
        "multisig" => script.is_multisig(),
        "op_return" => script.is_op_return(),
        "p2a" => script.as_bytes() == [0x51, 2, 0x4e, 0x73],
        "witness_unknown" => script.is_witness_program(),
        _ => true,
    };
    allowed && exact.iter().all(|&(name, is_it)| is_it == (name == kind))
}
