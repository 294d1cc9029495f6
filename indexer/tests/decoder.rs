//! The decoder against the `bitcoin` crate, on blocks and transactions that chance made.

#[path = "common/block.rs"]
mod block;

use assay_fixtures::bitcoin::scripts::ScriptMix;
use assay_fixtures::bitcoin::{BlockSpec, ChainBuilder, TestBlock};
use assay_fixtures::rng::Rng;
use assay_indexer::wire::{self, Reader, sha256d};
use assay_model::Network;
use bitcoin::consensus::serialize;
use bitcoin::hashes::Hash;
use bitcoin::{
    Amount, Block, CompactTarget, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid,
    Witness, absolute, merkle_tree, transaction,
};
use block::{Spent, balancing, check, decode, raw_block, spent_outputs};
use proptest::collection::vec;
use proptest::prelude::*;

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// What a simulated block spends, as the simulator knows it.
fn truth(block: &TestBlock) -> Vec<Vec<Spent>> {
    let spent = block.spent.iter().map(|coins| {
        let spent = coins.iter().map(|coin| {
            let coin = coin.as_spent();
            Spent { value: coin.value, height: coin.height as u32, script: coin.script.to_vec() }
        });
        spent.collect()
    });
    spent.collect()
}

/// A chain with every kind of script, each of its last blocks with about `transactions`.
fn chain(seed: u64, transactions: usize) -> ChainBuilder {
    let mut chain = ChainBuilder::new(Network::Regtest, seed).with_maturity(1);
    chain.mine_empty(60);
    for _ in 0..4 {
        chain.mine(&BlockSpec::transactions(transactions).scripts(ScriptMix::even()));
    }
    chain
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn every_row_of_simulated_blocks_is_what_the_bitcoin_crate_says(seed: u64, size in 1usize..60) {
        for block in chain(seed, size).blocks() {
            let (spent, bytes) = (truth(block), block.bytes());
            check(Network::Regtest, &raw_block(block.height, bytes, &spent), &block.block, &spent);
        }
    }
}

fn txid(transaction: &wire::Transaction<'_>) -> wire::Hash {
    sha256d(&transaction.stripped_pieces())
}

/// Lengths on both sides of where a length begins to take more bytes.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 0usize..40, 1 => 0xfb..0x100usize, 1 => Just(0x1_0000 - 1), 1 => Just(0x1_0000)]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    (length(), any::<u64>()).prop_map(|(length, seed)| Rng::new(seed).byte_vec(length))
}

prop_compose! {
    fn input(has_witness: bool)(
        txid: [u8; 32],
        index: u32,
        script_sig in bytes(),
        sequence: u32,
        witness in vec(bytes(), if has_witness { 0..4 } else { 0..1 }),
    ) -> TxIn {
        let previous_output = OutPoint::new(Txid::from_byte_array(txid), index);
        let (script_sig, sequence) = (ScriptBuf::from_bytes(script_sig), Sequence(sequence));
        let witness = if has_witness { Witness::from_slice(&witness) } else { Witness::new() };
        TxIn { previous_output, script_sig, sequence, witness }
    }
}

prop_compose! {
    fn output()(sats in 0u64..1_000_000_000, script in bytes()) -> TxOut {
        TxOut { value: Amount::from_sat(sats), script_pubkey: ScriptBuf::from_bytes(script) }
    }
}

/// Any transaction that is no coinbase; of those with witnesses most have inputs without.
fn transaction() -> impl Strategy<Value = Transaction> {
    any::<bool>().prop_flat_map(|has_witness| {
        let parts =
            (any::<i32>(), any::<u32>(), vec(input(has_witness), 1..6), vec(output(), 1..6));
        parts.prop_map(|(version, lock_time, input, output)| Transaction {
            version: transaction::Version(version),
            lock_time: absolute::LockTime::from_consensus(lock_time),
            input,
            output,
        })
    })
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn a_transaction_is_read_as_the_bitcoin_crate_wrote_it(theirs in transaction(), behind: [u8; 3]) {
        let bytes = [&serialize(&theirs)[..], &behind].concat();
        let mut reader = Reader::new(&bytes);
        let ours = wire::Transaction::read(&mut reader).expect("a transaction");
        prop_assert_eq!(reader.remaining(), behind.len());
        prop_assert_eq!(txid(&ours), theirs.compute_txid().to_byte_array());
        prop_assert_eq!(sha256d(&[ours.bytes()]), theirs.compute_wtxid().to_byte_array());
        prop_assert_eq!(ours.size(), theirs.total_size());
        prop_assert_eq!(ours.stripped_size(), theirs.base_size());
        prop_assert_eq!((ours.version, ours.lock_time),
            (theirs.version.0 as u32, theirs.lock_time.to_consensus_u32()));
        prop_assert_eq!(ours.inputs.len(), theirs.input.len());
        for (ours, theirs) in ours.inputs.iter().zip(&theirs.input) {
            prop_assert_eq!(*ours.spent_txid, theirs.previous_output.txid.to_byte_array());
            prop_assert_eq!(ours.spent_output_index, theirs.previous_output.vout);
            prop_assert_eq!(ours.script_sig, theirs.script_sig.as_bytes());
            prop_assert_eq!(ours.sequence, theirs.sequence.to_consensus_u32());
            prop_assert!(ours.witness_items().eq(theirs.witness.iter()));
        }
        prop_assert_eq!(ours.outputs.len(), theirs.output.len());
        for (ours, theirs) in ours.outputs.iter().zip(&theirs.output) {
            prop_assert_eq!(ours.value, theirs.value.to_sat());
            prop_assert_eq!(ours.script, theirs.script_pubkey.as_bytes());
        }
    }
}

/// A block of `transactions` behind a coinbase that commits to their witnesses.
fn mine(transactions: Vec<Transaction>) -> Block {
    let mut chain = ChainBuilder::new(Network::Regtest, 1);
    let mut block = chain.mine(&BlockSpec::empty()).block.clone();
    block.txdata.extend(transactions);
    let root = block.witness_root().expect("there is a coinbase");
    let commitment = Block::compute_witness_commitment(&root, &[7; 32]);
    let script = [&[0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed][..], &commitment.to_byte_array()].concat();
    let coinbase = &mut block.txdata[0];
    coinbase.input[0].witness = Witness::from_slice(&[[7; 32]]);
    let script_pubkey = ScriptBuf::from_bytes(script);
    coinbase.output.push(TxOut { value: Amount::ZERO, script_pubkey });
    block.header.merkle_root = block.compute_merkle_root().expect("there is a coinbase");
    block.header.bits = CompactTarget::from_consensus(Network::Regtest.pow_limit_bits());
    while block.header.validate_pow(block.header.target()).is_err() {
        block.header.nonce = block.header.nonce.wrapping_add(1);
    }
    block
}

proptest! {
    #![proptest_config(cases(30))]

    #[test]
    fn every_row_of_blocks_of_any_transactions_is_what_the_bitcoin_crate_says(
        transactions in vec(transaction(), 0..8),
    ) {
        let block = mine(transactions);
        let spent = balancing(Network::Regtest, 1, &block);
        check(Network::Regtest, &raw_block(1, serialize(&block), &spent), &block, &spent);
    }

    #[test]
    fn roots_are_those_of_the_bitcoin_crate(leaves in vec(any::<[u8; 32]>(), 1..70)) {
        let theirs = merkle_tree::calculate_root(leaves.iter().map(|&leaf| Txid::from_byte_array(leaf)));
        let ours = wire::merkle_root(leaves);
        prop_assert_eq!(ours, theirs.map(|root| root.to_byte_array()));
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn no_bytes_make_the_reader_of_transactions_panic(bytes in vec(any::<u8>(), 0..300)) {
        if let Ok(transaction) = wire::Transaction::read(&mut Reader::new(&bytes)) {
            let theirs: (Transaction, usize) = bitcoin::consensus::deserialize_partial(&bytes)
                .expect("what is read here is a transaction");
            prop_assert_eq!(txid(&transaction), theirs.0.compute_txid().to_byte_array());
            prop_assert_eq!(transaction.size(), theirs.1);
        }
    }

    #[test]
    fn a_transaction_with_one_byte_changed_is_read_as_the_bitcoin_crate_reads_it(
        theirs in transaction(), at: prop::sample::Index, change in 1u8..,
    ) {
        let mut bytes = serialize(&theirs);
        let at = at.index(bytes.len().min(2000));
        bytes[at] ^= change;
        let ours = wire::Transaction::read(&mut Reader::new(&bytes));
        let theirs = bitcoin::consensus::deserialize_partial::<Transaction>(&bytes);
        match (&ours, &theirs) {
            (Ok(ours), Ok((theirs, size))) => {
                prop_assert_eq!(txid(ours), theirs.compute_txid().to_byte_array());
                prop_assert_eq!(ours.size(), *size);
            }
            // Theirs also takes what no block can hold.
            (Err(_), Ok((theirs, _))) => {
                prop_assert!(theirs.input.is_empty() || theirs.output.is_empty(), "{:?}", ours);
            }
            (Ok(_), Err(_)) => prop_assert!(false, "{:?} {:?}", ours, theirs),
            (Err(_), Err(_)) => {}
        }
    }
}

/// A block with witnesses of every kind, and what it spends.
fn sample() -> (Vec<u8>, Vec<Vec<Spent>>, u64) {
    let block = std::sync::Arc::clone(chain(11, 6).tip());
    assert!(block.block.txdata.iter().skip(1).any(|tx| tx.total_size() > tx.base_size()));
    (block.bytes(), truth(&block), block.height)
}

#[test]
fn no_flipped_byte_of_a_block_goes_unnoticed() {
    let (bytes, spent, height) = sample();
    let intact = raw_block(height, bytes.clone(), &spent);
    decode(Network::Regtest, &intact).expect("the block is valid");
    for at in 0..bytes.len() {
        for change in [1, 0x80, 0xff] {
            let mut raw = intact.clone();
            raw.bytes[at] ^= change;
            let fault = decode(Network::Regtest, &raw);
            assert!(fault.is_err(), "byte {at} changed by {change:#x} is taken for good");
        }
    }
}

#[test]
fn no_block_that_is_cut_short_or_longer_is_taken_for_good() {
    let (bytes, spent, height) = sample();
    let intact = raw_block(height, bytes.clone(), &spent);
    for length in 0..bytes.len() {
        let mut raw = intact.clone();
        raw.bytes.truncate(length);
        assert!(decode(Network::Regtest, &raw).is_err(), "cut at {length}");
    }
    let mut raw = intact;
    raw.bytes.push(0);
    assert!(decode(Network::Regtest, &raw).is_err(), "a byte too many");
}

#[test]
fn spent_outputs_of_another_shape_are_refused() {
    let (bytes, spent, height) = sample();
    let refused = |spent: &[Vec<Spent>]| {
        let mut raw = raw_block(height, bytes.clone(), &[]);
        raw.spent = Some(spent_outputs(spent));
        decode(Network::Regtest, &raw).expect_err("not this block's").to_string()
    };
    assert!(refused(&spent[1..]).contains("the undo data is another block's"));
    let mut fewer = spent.clone();
    fewer[0].pop();
    assert!(refused(&fewer).contains("transaction 1 has"));
    let mut poorer = spent.clone();
    poorer[0].iter_mut().for_each(|output| output.value = 0);
    assert!(refused(&poorer).contains("transaction 1 pays out"));
    let mut richer = spent.clone();
    richer[0][0].value = u64::MAX;
    assert!(refused(&richer).contains("above the supply"));
    // A satoshi less in the fees is a satoshi too much in the coinbase.
    let mut less = spent;
    let outputs = less.iter_mut().find(|outputs| outputs[0].value > 0).expect("something is paid");
    outputs[0].value -= 1;
    assert!(refused(&less).contains("pays out"));
}
