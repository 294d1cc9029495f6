//! Folders of block files that are damaged or not what they should be: the error says what, where
//! and what to do; what stands below the damage is committed; and once the folder is repaired the
//! next run ends with the rows of a run that nothing disturbed.

#[path = "common/lake.rs"]
mod lake;
#[path = "common/sim.rs"]
mod sim;

use std::path::Path;

use assay_fixtures::bitcoin::datadir::{Record, Records};
use assay_fixtures::bitcoin::undo::checksum;
use assay_fixtures::bitcoin::{ChainBuilder, DataDir, Layout, damage};
use assay_indexer::wire::Header;
use assay_model::Network;
use bitcoin::hashes::Hash;
use lake::{Lake, Run, Tables, assert_same, assert_says, below, fresh_rows};
use sim::{Piece, place};
use tempfile::TempDir;

/// Blocks of the chain, above the genesis block.
const BLOCKS: u64 = 120;
/// What is indexed before the damage.
const BEFORE: u64 = 30;
/// The height that is damaged; its block has transactions.
const DAMAGED: u64 = 59;

/// A good folder, the rows that it gives, and a copy to damage.
struct World {
    chain: ChainBuilder,
    data: DataDir,
    rows: Tables,
    copy: TempDir,
    _dir: TempDir,
}

impl World {
    fn new() -> World {
        let chain = sim::chain(5, BLOCKS);
        let (dir, data) = sim::folder(&chain);
        let rows = fresh_rows(data.path());
        let copy = tempfile::tempdir().expect("a folder");
        sim::restore(data.path(), copy.path());
        World { chain, data, rows, copy, _dir: dir }
    }

    fn records(&self, height: u64) -> &Records {
        let block = self.chain.block_at(height).expect("a block");
        self.data.records(block.hash).expect("written")
    }

    fn block(&self, height: u64) -> &Record {
        &self.records(height).block
    }

    fn undo(&self, height: u64) -> &Record {
        self.records(height).undo.as_ref().expect("undo data")
    }

    fn hash(&self, height: u64) -> String {
        self.chain.block_at(height).expect("a block").hash.to_string()
    }

    /// Flips byte `at` of `record` in the copy.
    fn flip(&self, record: &Record, at: u64) {
        let name = record.path.file_name().expect("a file");
        damage::flip_byte(&self.copy.path().join(name), record.offset + at);
    }

    /// Indexes a part of the good folder, then the copy, which fails in `words` with everything
    /// below `next` committed; then the copy restored.
    fn check(&self, run: &Run, words: &[&str], next: u64) {
        let lake = Lake::new();
        let part = Run { last: Some(BEFORE), ..run.clone() };
        lake.index(self.data.path(), &Run { network: None, ..part }).expect("a good folder");
        let error = lake.index(self.copy.path(), run).expect_err("the damage is found");
        assert_says(&error, words);
        assert_eq!(lake.next_height(), next, "{error}");
        assert_same(&lake.rows(), &below(&self.rows, next));
        // Nothing changes if nobody repairs anything.
        let again = lake.index(self.copy.path(), run).expect_err("the damage is still there");
        assert_eq!(error, again);
        sim::restore(self.data.path(), self.copy.path());
        lake.index(self.copy.path(), &Run::default()).expect("a repaired folder");
        assert_same(&lake.rows(), &self.rows);
    }

    fn check_default(&self, words: &[&str], next: u64) {
        self.check(&Run::default(), words, next);
    }
}

#[test]
fn a_missing_folder() {
    let error = Lake::new().index(Path::new("/nowhere/blocks"), &Run::default());
    assert_says(&error.expect_err("no folder"), &["cannot read /nowhere/blocks", "No such file"]);
}

#[test]
fn an_empty_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().to_str().expect("text");
    let error = Lake::new().index(dir.path(), &Run::default()).expect_err("nothing there");
    assert_says(&error, &[path, "has no block files", "give the 'blocks' folder"]);
}

#[test]
fn a_file_without_a_genesis_block() {
    let chain = sim::chain(5, 10);
    let (dir, _) = sim::write(chain.blocks().skip(1), Layout::default());
    let error = Lake::new().index(dir.path(), &Run::default()).expect_err("no genesis block");
    assert_says(&error, &["the genesis block of regtest is not there", "pruned"]);
}

#[test]
fn another_network_than_the_one_that_was_asked_for() {
    let world = World::new();
    let run = Run { network: Some(Network::Mainnet), ..Run::default() };
    let words =
        ["blk00000.dat, offset 0", "blocks of regtest, where mainnet is expected", "--network"];
    world.check(&run, &words, BEFORE + 1);
}

#[test]
fn a_later_file_of_another_network() {
    let world = World::new();
    let other = tempfile::tempdir().expect("a folder");
    let chain = ChainBuilder::new(Network::Signet, 1);
    DataDir::write(other.path(), Network::Signet, Layout::default(), chain.blocks())
        .expect("written");
    std::fs::copy(other.path().join("blk00000.dat"), world.copy.path().join("blk00002.dat"))
        .expect("copied");
    let words = ["blk00002.dat, offset 0", "blocks of signet, where regtest is expected"];
    world.check_default(&words, BEFORE + 1);
}

#[test]
fn a_key_that_is_missing_wrong_or_of_another_length() {
    let world = World::new();
    let key = world.copy.path().join("xor.dat");
    let unknown = ["blk00000.dat, offset 0", "is no network's magic", "xor.dat"];
    std::fs::remove_file(&key).expect("it was there");
    world.check_default(&unknown, BEFORE + 1);
    std::fs::write(&key, [9; 8]).expect("written");
    world.check_default(&unknown, BEFORE + 1);
    std::fs::write(&key, [9; 7]).expect("written");
    world.check_default(&["xor.dat", "has 8 bytes, this file has 7", "copy it again"], BEFORE + 1);
}

#[test]
fn a_flipped_byte_in_the_transactions_of_a_block() {
    let world = World::new();
    let place = place(world.block(DAMAGED));
    let block = format!("block {DAMAGED}");
    for run in [Run::default(), Run { ignore_undo: true, ..Run::default() }] {
        for at in [8 + 80 + 1 + 50, world.block(DAMAGED).length - 1] {
            world.flip(world.block(DAMAGED), at);
            world.check(&run, &[&block, &place, "damaged"], DAMAGED);
        }
    }
}

/// A byte of the header such that the header, with that byte flipped, has its proof of work or
/// not, as `wanted`.
fn header_byte(bytes: &[u8], places: std::ops::Range<usize>, wanted: bool) -> usize {
    let mut places = places;
    let found = places.find(|&at| {
        let mut header: [u8; 80] = *bytes.first_chunk().expect("a header");
        header[at] = !header[at];
        let hash = Header::hash_of(&header);
        let read = Header::read(&mut assay_indexer::wire::Reader::new(&header)).expect("80 bytes");
        read.has_proof_of_work(&hash, Network::Regtest) == wanted
    });
    found.expect("about half of all headers have")
}

#[test]
fn a_flipped_byte_in_a_header() {
    let world = World::new();
    let bytes = world.chain.block_at(DAMAGED).expect("a block").bytes();
    let record = world.block(DAMAGED);
    world.flip(record, 8 + header_byte(&bytes, 36..68, false) as u64);
    let name = record.path.file_name().expect("a file").to_str().expect("text");
    let damaged = format!("{name}, offset {}: no valid record begins here", record.offset);
    let (child, parent) = (world.hash(DAMAGED + 1), world.hash(DAMAGED));
    let place = place(world.block(DAMAGED + 1));
    let tip = format!("up to height {} are indexed", DAMAGED - 1);
    let words = [&*damaged, &child, &parent, &place, &tip, "hang in the air", "--ignore-unlinked"];
    world.check_default(&words, DAMAGED);
}

#[test]
fn a_header_that_becomes_that_of_another_block() {
    // On regtest half of all headers have their proof of work: with another nonce the block is
    // another one, and good. It is the tip until the file is repaired, and then goes away.
    let world = World::new();
    let bytes = world.chain.block_at(DAMAGED).expect("a block").bytes();
    world.flip(world.block(DAMAGED), 8 + header_byte(&bytes, 76..80, true) as u64);
    let lake = Lake::new();
    let error = lake.index(world.copy.path(), &Run::default()).expect_err("blocks hang in the air");
    assert_says(&error, &[&world.hash(DAMAGED + 1), &world.hash(DAMAGED)]);
    assert_eq!(lake.next_height(), DAMAGED + 1);
    sim::restore(world.data.path(), world.copy.path());
    let summary = lake.index(world.copy.path(), &Run::default()).expect("a repaired folder");
    assert_eq!(summary.reverted, 1);
    assert_same(&lake.rows(), &world.rows);
}

#[test]
fn a_flipped_byte_in_the_magic_of_a_block() {
    let world = World::new();
    world.flip(world.block(DAMAGED), 1);
    let parent = world.hash(DAMAGED);
    world.check_default(&["no valid record begins here", &parent], DAMAGED);
}

#[test]
fn a_flipped_byte_in_the_length_of_a_block() {
    let world = World::new();
    let (place, block) = (place(world.block(DAMAGED)), format!("block {DAMAGED}"));
    // The record reaches into the next ones, or ends early.
    world.flip(world.block(DAMAGED), 4);
    world.check_default(&[&block, &place, "not valid", "damaged"], DAMAGED);
    // The length is one that no block can have.
    world.flip(world.block(DAMAGED), 7);
    world.check_default(&["no valid record begins here", &world.hash(DAMAGED)], DAMAGED);
}

#[test]
fn a_flipped_byte_in_undo_data() {
    let world = World::new();
    let (block, place) = (format!("block {DAMAGED}"), place(world.undo(DAMAGED)));
    let last = world.undo(DAMAGED).length - 1;
    for at in [8 + 12, last, 5, 7, 0] {
        world.flip(world.undo(DAMAGED), at);
        let lake = Lake::new();
        let run = Run { ignore_undo: true, ..Run::default() };
        lake.index(world.copy.path(), &run).expect("the way out that the message names");
        assert_same(&lake.rows(), &world.rows);
        // Where the record itself cannot be found, the place is where it should begin.
        let words = [&*block, "does not match its checksum", "--ignore-undo"];
        let file = if at < 8 { "rev000" } else { &*place };
        world.check_default(&[&words[..], &[file]].concat(), DAMAGED);
    }
}

/// Puts `data` in the place of the undo data of block `height`, with a checksum that is good.
fn replace_undo(world: &World, height: u64, data: &[u8]) {
    let block = world.chain.block_at(height).expect("a block");
    let record = world.undo(height);
    let key = sim::key();
    let mut pieces = Vec::new();
    let mut end = 0;
    for of in world.chain.blocks().skip(1) {
        let undo = world.undo(of.height);
        if undo.path != record.path {
            continue;
        }
        let bytes = if of.height == height {
            sim::framed(data, &checksum(block.parent_hash().to_byte_array(), data))
        } else {
            sim::read_record(undo, key)
        };
        end += bytes.len();
        pieces.push(Piece::Plain(bytes));
    }
    assert!(end > 0);
    let name = record.path.file_name().expect("a file");
    std::fs::write(world.copy.path().join(name), sim::assemble(&pieces, key)).expect("written");
}

#[test]
fn undo_data_of_another_block() {
    let world = World::new();
    let block = world.chain.block_at(DAMAGED).expect("a block");
    let inputs = |spent: &[Vec<_>]| spent.iter().map(Vec::len).collect::<Vec<_>>();
    let other = world.chain.blocks().find(|other| {
        other.spent.len() == block.spent.len() && inputs(&other.spent) != inputs(&block.spent)
    });
    replace_undo(&world, DAMAGED, &other.expect("chance makes one").undo_bytes());
    let place = place(world.block(DAMAGED));
    let words = [&*format!("block {DAMAGED}"), &place, "the undo data is another block's"];
    world.check_default(&words, DAMAGED);
    // One of another number of transactions.
    let other = world.chain.blocks().find(|other| other.spent.len() > block.spent.len());
    replace_undo(&world, DAMAGED, &other.expect("there is one").undo_bytes());
    world.check_default(&[&*format!("block {DAMAGED}"), "undo", "rev000"], DAMAGED);
}

#[test]
fn undo_data_that_is_no_undo_data() {
    let world = World::new();
    let mut data = world.chain.block_at(DAMAGED).expect("a block").undo_bytes();
    data.push(0);
    replace_undo(&world, DAMAGED, &data);
    let words = [&*format!("block {DAMAGED}"), "rev000", "cannot be read", "1 bytes are left over"];
    world.check_default(&words, DAMAGED);
}

#[test]
fn a_last_record_that_is_cut_short_is_no_damage() {
    let world = World::new();
    let record = world.data.last_block_record().expect("there are records");
    let name = record.path.file_name().expect("a file");
    for length in [record.length - 1, 200, 9, 8, 3] {
        damage::truncate(&world.copy.path().join(name), record.offset + length);
        let lake = Lake::new();
        let summary = lake.index(world.copy.path(), &Run::default()).expect("the rest is good");
        assert_eq!(summary.to, BLOCKS, "cut to {length}");
        sim::restore(world.data.path(), world.copy.path());
        lake.index(world.copy.path(), &Run::default()).expect("a whole folder");
        assert_same(&lake.rows(), &world.rows);
    }
}

#[test]
fn a_file_in_the_middle_that_is_cut_short() {
    let world = World::new();
    let is_last = |height: &u64| world.block(*height).path != world.block(height + 1).path;
    let height = (BEFORE + 10..).find(is_last).expect("there are several files");
    let record = world.block(height);
    let name = record.path.file_name().expect("a file").to_str().expect("text");
    damage::truncate(&world.copy.path().join(name), record.offset + record.length - 1);
    let damaged = format!("{name}, offset {}: the file ends within a record", record.offset);
    let (child, parent) = (world.hash(height + 1), world.hash(height));
    let words = [&*damaged, &child, &parent, &place(world.block(height + 1)), "restore it"];
    world.check_default(&words, height);
}

#[test]
fn a_block_whose_parent_never_appears() {
    let world = World::new();
    let blocks = world.chain.blocks().filter(|block| block.height != DAMAGED);
    let (dir, without) = sim::write(blocks, sim::layout(16_000));
    sim::restore(dir.path(), world.copy.path());
    let child = world.chain.block_at(DAMAGED + 1).expect("a block").hash;
    let place = place(&without.records(child).expect("written").block);
    let count = format!("{} blocks", BLOCKS - DAMAGED);
    let words = [&*count, &child.to_string(), &world.hash(DAMAGED), &place, "is in no file"];
    world.check_default(&words, DAMAGED);
}

#[test]
fn a_missing_file_of_undo_data_is_made_up_for() {
    let world = World::new();
    let name = world.undo(DAMAGED).path.file_name().expect("a file");
    std::fs::remove_file(world.copy.path().join(name)).expect("it was there");
    let lake = Lake::new();
    lake.index(world.copy.path(), &Run::default()).expect("the store knows what is spent");
    assert_same(&lake.rows(), &world.rows);
}
