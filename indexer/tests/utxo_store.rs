//! The store of unspent outputs against what the simulator knows, written to disk and opened again
//! at any moment.

#[path = "common/block.rs"]
mod block;
#[path = "common/sim.rs"]
mod sim;

use assay_fixtures::bitcoin::{BlockSpec, ChainBuilder, Coin, TestBlock};
use assay_fixtures::rng::Rng;
use assay_indexer::utxo_store::UtxoStore;
use assay_model::Network;
use bitcoin::consensus::serialize;
use bitcoin::{Block, OutPoint, Transaction, TxIn};
use block::{Spent, raw_block, spent_outputs};

fn spent(coins: &[Coin]) -> Vec<Spent> {
    let spent = coins.iter().map(|coin| {
        let coin = coin.as_spent();
        Spent { value: coin.value, height: coin.height as u32, script: coin.script.to_vec() }
    });
    spent.collect()
}

fn apply(store: &mut UtxoStore, block: &TestBlock) {
    let found = store.apply(&raw_block(block.height, block.bytes(), &[])).expect("a valid block");
    let expected: Vec<Vec<Spent>> = block.spent.iter().map(|coins| spent(coins)).collect();
    assert_eq!(found, spent_outputs(&expected), "at height {}", block.height);
}

#[test]
fn it_knows_what_every_block_spends_however_often_it_is_written_and_opened() {
    for seed in 0..4 {
        println!("seed {seed}"); // shown if the test fails
        let chain = sim::chain(seed, 80);
        let mut rng = Rng::new(seed);
        let dir = tempfile::tempdir().expect("a folder");
        let mut store = UtxoStore::open(dir.path()).expect("a new store");
        let (mut height, mut persisted) = (0, None);
        while height <= 80 {
            let block = chain.block_at(height).expect("a block");
            apply(&mut store, block);
            if rng.chance(200) {
                let last = rng.below(height + 1);
                store.persist(last).expect("written");
                persisted = persisted.max(Some(last));
            }
            height += 1;
            if rng.chance(60) {
                drop(store);
                store = UtxoStore::open(dir.path()).expect("it was there");
                // What was not written is forgotten, and nothing more.
                assert_eq!(store.tip().map(|(height, _)| height), persisted);
                height = persisted.map_or(0, |last| last + 1);
            }
        }
    }
}

/// A block of `transactions` at the tip of `parent`, mined.
fn mine(parent: &Block, transactions: Vec<Transaction>) -> Block {
    let mut block = parent.clone();
    block.header.prev_blockhash = parent.block_hash();
    block.txdata = transactions;
    block.header.merkle_root = block.compute_merkle_root().expect("there is a coinbase");
    while block.header.validate_pow(block.header.target()).is_err() {
        block.header.nonce = block.header.nonce.wrapping_add(1);
    }
    block
}

/// Before BIP 34 a coinbase could be the same as an earlier one, and take the place of its output.
#[test]
fn a_coinbase_that_repeats_an_earlier_one_can_be_spent_wherever_the_store_was_written() {
    let mut chain = ChainBuilder::new(Network::Regtest, 1);
    let first = chain.mine(&BlockSpec::empty()).block.clone();
    let twice = first.txdata[0].clone();
    let second = mine(&first, vec![twice.clone()]);
    let other = chain.mine(&BlockSpec::empty()).block.txdata[0].clone();
    let mut spending = other.clone();
    let previous_output = OutPoint::new(twice.compute_txid(), 0);
    spending.input = vec![TxIn { previous_output, ..other.input[0].clone() }];
    let third = mine(&second, vec![other, spending]);
    let value = twice.output[0].value.to_sat();
    let script = twice.output[0].script_pubkey.to_bytes();
    for persist_after in [[1, 1], [1, 2], [0, 2], [0, 0], [2, 2]] {
        let dir = tempfile::tempdir().expect("a folder");
        let mut store = UtxoStore::open(dir.path()).expect("a new store");
        store.apply(&raw_block(1, serialize(&first), &[])).expect("a valid block");
        store.apply(&raw_block(2, serialize(&second), &[])).expect("a valid block");
        for last in persist_after {
            store.persist(last).expect("written");
        }
        let found = store.apply(&raw_block(3, serialize(&third), &[]));
        let expected = vec![vec![Spent { value, height: 2, script: script.clone() }]];
        match found {
            Ok(found) => assert_eq!(found, spent_outputs(&expected), "{persist_after:?}"),
            Err(error) => panic!("written at {persist_after:?}: {error}"),
        }
    }
}

#[test]
fn an_output_is_spent_once() {
    let chain = sim::chain(5, 20);
    let dir = tempfile::tempdir().expect("a folder");
    let mut store = UtxoStore::open(dir.path()).expect("a new store");
    let has_payments = |block: &&std::sync::Arc<TestBlock>| !block.spent.is_empty();
    let block = chain.blocks().find(has_payments).expect("there are payments");
    for block in chain.blocks().take(block.height as usize + 1) {
        apply(&mut store, block);
    }
    let again = store.apply(&raw_block(block.height + 1, block.bytes(), &[]));
    let error = again.expect_err("it is spent").to_string();
    let spent = block.spent[0][0].outpoint.to_string();
    assert!(error.contains(&spent) && error.contains("already spent"), "{error}");
}
