//! Folders that are in order however disorderly they look: the rows are those of the same chain
//! written straight. And folders whose best chain changes between two runs.

#[path = "common/lake.rs"]
mod lake;
#[path = "common/sim.rs"]
mod sim;

use std::path::Path;
use std::sync::Arc;

use assay_fixtures::bitcoin::{BlockSpec, ChainBuilder, DataDir, Layout, TestBlock, Undo, Writer};
use assay_fixtures::rng::Rng;
use assay_model::Network;
use bitcoin::hashes::Hash;
use lake::{Lake, Run, assert_same, assert_says, fresh_rows};
use sim::Piece;
use tempfile::TempDir;

/// That the folder `dir` gives the rows of `chain`, with undo data and without.
fn check(dir: &Path, chain: &ChainBuilder) {
    let (straight, _) = sim::write(chain.blocks(), Layout::default());
    let expected = fresh_rows(straight.path());
    for ignore_undo in [false, true] {
        let lake = Lake::new();
        let run = Run { ignore_undo, ..Run::default() };
        lake.index(dir, &run).expect("a good folder");
        assert_same(&lake.rows(), &expected);
    }
}

#[test]
fn blocks_that_arrive_out_of_order_over_many_files() {
    for seed in 0..3 {
        let chain = sim::chain(seed, 90);
        let layout = Layout { arrival_window: 20, seed, ..sim::layout(9_000) };
        let (dir, data) = sim::write(chain.blocks(), layout);
        assert!(data.file_count() > 3);
        assert!(!data.arrived().iter().eq(chain.blocks().map(|block| &block.hash)));
        check(dir.path(), &chain);
    }
}

#[test]
fn tails_of_zeros_in_every_file_and_files_without_a_key() {
    let chain = sim::chain(1, 60);
    for xor in [Some([1, 2, 3, 4, 5, 6, 7, 8]), Some([0; 8]), None] {
        for tail_bytes in [3, 8, 20_000] {
            let tail_in_every_file = true;
            let layout = Layout { xor, tail_bytes, tail_in_every_file, ..sim::layout(20_000) };
            let (dir, _) = sim::write(chain.blocks(), layout);
            let lake = Lake::new();
            lake.index(dir.path(), &Run::default()).expect("a good folder");
            assert_eq!(lake.next_height(), 61, "{xor:?} {tail_bytes}");
        }
    }
}

/// A folder with one file of blocks and one of undo data, made of these pieces.
fn by_hand(blocks: &[Piece], undo: &[Piece]) -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let key = sim::key();
    let write = |name: &str, bytes: Vec<u8>| {
        std::fs::write(dir.path().join(name), bytes).expect("written");
    };
    write("xor.dat", key.to_vec());
    write("blk00000.dat", sim::assemble(blocks, key));
    write("rev00000.dat", sim::assemble(undo, key));
    dir
}

fn block_record(block: &TestBlock) -> Piece {
    Piece::Plain(sim::framed(&block.bytes(), &[]))
}

fn undo_record(block: &TestBlock) -> Piece {
    let data = block.undo_bytes();
    let parent = block.parent_hash().to_byte_array();
    let checksum = assay_fixtures::bitcoin::undo::checksum(parent, &data);
    Piece::Plain(sim::framed(&data, &checksum))
}

#[test]
fn garbage_and_holes_between_records() {
    let chain = sim::chain(2, 60);
    let mut rng = Rng::new(2);
    let mut rubbish = |at: u64| {
        let length = rng.range(1, 300) as usize;
        match at % 5 {
            0 => Piece::Plain(rng.byte_vec(length)),
            1 => Piece::Raw(vec![0; length]),
            // What looks like the beginning of a record.
            2 => Piece::Plain([&Network::Regtest.magic()[..], &[200, 0, 0, 0], &[7; 150]].concat()),
            3 => Piece::Plain(Network::Regtest.magic().repeat(3)),
            _ => Piece::Plain(Vec::new()),
        }
    };
    let (mut blocks, mut undo) = (Vec::new(), Vec::new());
    for block in chain.blocks() {
        blocks.push(block_record(block));
        blocks.push(rubbish(block.height));
        if block.height > 0 {
            undo.push(undo_record(block));
            undo.push(rubbish(block.height + 1));
        }
    }
    check(by_hand(&blocks, &undo).path(), &chain);
}

#[test]
fn blocks_that_were_stored_twice() {
    let chain = sim::chain(3, 40);
    let twice = |block: &Arc<TestBlock>| [block_record(block), block_record(block)];
    let mut blocks: Vec<Piece> = chain.blocks().flat_map(twice).collect();
    blocks.extend(chain.blocks().map(|block| block_record(block)));
    let undo: Vec<Piece> = chain.blocks().skip(1).map(|block| undo_record(block)).collect();
    check(by_hand(&blocks, &undo).path(), &chain);
}

#[test]
fn undo_records_in_another_order() {
    let chain = sim::chain(4, 40);
    let blocks: Vec<Piece> = chain.blocks().map(|block| block_record(block)).collect();
    let mut undo: Vec<Piece> = chain.blocks().skip(1).map(|block| undo_record(block)).collect();
    undo.reverse();
    check(by_hand(&blocks, &undo).path(), &chain);
}

/// Writes the common blocks and then the two branches above them, the first before the second.
fn fork(first: &ChainBuilder, second: &ChainBuilder, undo: [Undo; 2]) -> (TempDir, DataDir) {
    let dir = tempfile::tempdir().expect("a folder");
    let layout = sim::layout(20_000);
    let mut writer = Writer::create(dir.path(), Network::Regtest, layout).expect("a folder");
    for block in first.blocks() {
        let is_common = second.block_at(block.height).is_some_and(|other| other.hash == block.hash);
        writer.add(block, if is_common { Undo::Written } else { undo[0] }).expect("written");
    }
    let own = |block: &&Arc<TestBlock>| {
        first.block_at(block.height).is_none_or(|other| other.hash != block.hash)
    };
    for block in second.blocks().filter(own) {
        writer.add(block, undo[1]).expect("written");
    }
    let data = writer.finish().expect("written");
    (dir, data)
}

/// Two branches from the same block on, `lengths` long.
fn branches(seed: u64, lengths: [u64; 2]) -> [ChainBuilder; 2] {
    let common = sim::chain(seed, 50);
    [0, 1].map(|which| {
        let mut branch = common.branch(50, 1000 + seed + which);
        sim::grow(&mut branch, lengths[which as usize]);
        branch
    })
}

#[test]
fn a_branch_that_lost_leaves_no_rows() {
    for undo in [Undo::Written, Undo::Missing] {
        for seed in 0..2 {
            let [stale, best] = branches(seed, [3, 5]);
            let (dir, _) = fork(&stale, &best, [undo, Undo::Written]);
            check(dir.path(), &best);
            let (dir, _) = fork(&best, &stale, [Undo::Written, undo]);
            check(dir.path(), &best);
        }
    }
}

#[test]
fn of_two_branches_with_equal_work_the_first_wins() {
    let [first, second] = branches(7, [4, 4]);
    let (dir, _) = fork(&first, &second, [Undo::Written, Undo::Missing]);
    check(dir.path(), &first);
    let (dir, _) = fork(&second, &first, [Undo::Written, Undo::Missing]);
    check(dir.path(), &second);
}

/// Two blocks with the same parent and number of transactions have undo records that only their
/// content tells apart. Each may stand first.
#[test]
fn siblings_of_equal_size_keep_their_own_undo_data() {
    let spec = BlockSpec::transactions(1);
    let mut mixed_up = Vec::new();
    for seed in 0..20 {
        let common = sim::chain(seed, 12);
        let [stale, best] = [0, 1].map(|which| {
            let mut branch = common.branch(12, 100 + 2 * seed + which);
            (0..3 + which).for_each(|_| drop(branch.mine(&spec)));
            branch
        });
        let (straight, _) = sim::write(best.blocks(), Layout::default());
        let expected = fresh_rows(straight.path());
        for (stale_is_first, (first, second)) in [(true, (&stale, &best)), (false, (&best, &stale))]
        {
            let (dir, _) = fork(first, second, [Undo::Written; 2]);
            let lake = Lake::new();
            let result = lake.index(dir.path(), &Run::default());
            if result.is_err() || lake.rows() != expected {
                mixed_up.push((seed, stale_is_first, result.err()));
            }
        }
    }
    assert!(mixed_up.is_empty(), "{} of 40: {mixed_up:#?}", mixed_up.len());
}

#[test]
fn a_longer_branch_that_arrives_between_two_runs_is_followed() {
    for ignore_undo in [false, true] {
        for lengths in [[1, 2], [3, 4], [6, 20]] {
            let [old, new] = branches(9, lengths);
            let run = Run { ignore_undo, ..Run::default() };
            let lake = Lake::new();
            let (dir, _) = sim::write(old.blocks(), sim::layout(20_000));
            lake.index(dir.path(), &run).expect("a good folder");
            assert_eq!(lake.next_height(), 51 + lengths[0]);
            let (dir, _) = fork(&old, &new, [Undo::Written; 2]);
            let summary = lake.index(dir.path(), &run).expect("a good folder");
            assert_eq!((summary.reverted, summary.from), (lengths[0], 51));
            let (straight, _) = sim::write(new.blocks(), Layout::default());
            assert_same(&lake.rows(), &fresh_rows(straight.path()));
        }
    }
}

#[test]
fn a_reorganisation_that_is_too_deep_leaves_the_lake_as_it_was() {
    let [old, new] = branches(9, [4, 6]);
    let lake = Lake::new();
    let (dir, _) = sim::write(old.blocks(), sim::layout(20_000));
    lake.index(dir.path(), &Run::default()).expect("a good folder");
    let before = lake.rows();
    let (dir, _) = fork(&old, &new, [Undo::Written; 2]);
    let run = Run { max_reorg: 3, ..Run::default() };
    let error = lake.index(dir.path(), &run).expect_err("too deep");
    let tip = old.tip().hash.to_string();
    assert_says(&error, &["more than 3 blocks below", &tip, "--max-reorg"]);
    assert_same(&lake.rows(), &before);
    let summary = lake.index(dir.path(), &Run { max_reorg: 4, ..run }).expect("deep enough");
    assert_eq!(summary.reverted, 4);
    let (straight, _) = sim::write(new.blocks(), Layout::default());
    assert_same(&lake.rows(), &fresh_rows(straight.path()));
}

#[test]
fn a_source_that_is_behind_costs_no_rows() {
    let chain = sim::chain(6, 40);
    let (dir, _) = sim::folder(&chain);
    let lake = Lake::new();
    lake.index(dir.path(), &Run::default()).expect("a good folder");
    let before = lake.rows();
    let (behind, _) = sim::write(chain.blocks().take(30), Layout::default());
    let summary = lake.index(behind.path(), &Run::default()).expect("a good folder");
    assert_eq!((summary.from, summary.to, summary.reverted), (41, 41, 0));
    assert_same(&lake.rows(), &before);
}
