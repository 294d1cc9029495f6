//! Files of Ethereum blocks, made by hand: what is written is read back, and what is damaged is
//! named.

#[path = "common/era1.rs"]
mod era1;
#[path = "common/ethereum_source.rs"]
mod source;

use std::fs;

use alloy_primitives::B256;
use assay_indexer::attempt::Attempt;
use assay_indexer::source::ethereum_files::{EthereumFiles, FileError, FileFault};
use assay_indexer::source::{Source, SourceError};
use assay_model::BlockHash;
use assay_model::ethereum::Network;
use era1::Made;
use proptest::prelude::*;
use source::{
    block_on, decode, decoder, fetch, fetch_all, file_error, folder, open, opened, refusal,
};
use tempfile::TempDir;

/// A folder with an archive of these entries, which name and accumulator say is of `blocks`.
fn archive_folder(blocks: &[Made], entries: &[era1::Entry]) -> TempDir {
    let accumulator = era1::accumulator(blocks);
    let bytes = era1::archive_of(entries, 0, accumulator);
    folder(&[(&era1::name("mainnet", 0, accumulator), &bytes)])
}

fn concat(blocks: &[Made], part: impl Fn(&Made) -> Vec<u8>) -> Vec<u8> {
    blocks.iter().flat_map(part).collect()
}

fn check_read_back(source: &EthereumFiles, blocks: &[Made], first: u64) {
    let fetched = fetch_all(source);
    assert_eq!(fetched.len(), blocks.len());
    assert_eq!(source.first_height(), first);
    let mut parent = fetched[0].block.parent;
    for (at, (raw, made)) in fetched.iter().zip(blocks).enumerate() {
        let height = first + at as u64;
        assert_eq!(raw.block.height, height);
        assert_eq!(raw.block.hash, BlockHash(made.hash().0));
        assert_eq!(raw.block.parent, parent);
        assert_eq!(raw.bytes, made.block());
        assert_eq!(raw.receipts, made.receipts);
        assert!(raw.senders.is_none() && raw.traces.is_none());
        assert_eq!(block_on(source.block_at(height)).expect("read"), Some(raw.block));
        parent = raw.block.hash;
    }
    let end = first + blocks.len() as u64;
    let tip = block_on(source.tip()).expect("read");
    assert_eq!(tip, Some(fetched[blocks.len() - 1].block));
    assert_eq!(block_on(source.block_at(end)).expect("read"), None);
    let beyond = block_on(source.fetch(first..end + 1));
    assert_eq!(beyond.done.len(), blocks.len());
    assert!(matches!(beyond.failure, Some(SourceError::Unknown { height }) if height == end));
    decode(&decoder(Network::MAINNET, None), &fetched);
}

#[test]
fn an_archive_is_read_back() {
    let blocks = era1::chain(0, 7, B256::ZERO);
    let dir = archive_folder(&blocks, &era1::entries(&blocks));
    let source = opened(dir.path());
    assert_eq!(source.network(), Some(Network::MAINNET));
    check_read_back(&source, &blocks, 0);
}

#[test]
fn an_export_is_read_back() {
    let blocks = era1::chain(5, 7, B256::repeat_byte(1));
    let (bytes, receipts) = (concat(&blocks, Made::block), concat(&blocks, |b| b.receipts.clone()));
    for (blocks_name, receipts_name) in [
        ("chain.rlp", "chain.receipts.rlp"),
        ("5-11.blocks", "5-11.receipts"),
        ("5.block.rlp", "5.receipts.rlp"),
        ("blocks.bin", "receipts.bin"),
    ] {
        let dir = folder(&[(blocks_name, &bytes), (receipts_name, &receipts)]);
        let source = opened(dir.path());
        assert_eq!(source.network(), None);
        check_read_back(&source, &blocks, 5);
        check_read_back(&opened(&dir.path().join(blocks_name)), &blocks, 5);
    }
}

#[test]
fn files_of_a_folder_make_one_chain() {
    let blocks = era1::chain(0, 12, B256::ZERO);
    let archive = era1::archive(&blocks[..5], 0);
    let name = era1::name("sepolia", 0, era1::accumulator(&blocks[..5]));
    let export = |range: &[Made]| concat(range, Made::block);
    let receipts = |range: &[Made]| concat(range, |made| made.receipts.clone());
    let (middle, last) = (&blocks[5..8], &blocks[8..]);
    let dir = folder(&[
        (&name, &archive),
        ("z.blocks", &export(middle)),
        ("z.receipts", &receipts(middle)),
        ("a.rlp", &export(last)),
        ("a.receipts.rlp", &receipts(last)),
        ("genesis.json", b"{}"),
    ]);
    let source = opened(dir.path());
    assert_eq!(source.network(), Some(Network::SEPOLIA));
    check_read_back(&source, &blocks, 0);

    // Cuts depend on the files alone, and bytes add up.
    for bytes in [1, 700, 2000, 1 << 20] {
        let mut cuts = vec![0];
        while let Some(&start) = cuts.last().filter(|start| **start < 12) {
            cuts.push(source.plan(start..12, bytes));
        }
        assert!(cuts.is_sorted_by(|a, b| a < b) && cuts.last() == Some(&12));
        for start in 0..12 {
            let next = cuts.iter().find(|cut| **cut > start).expect("the end is one");
            assert_eq!(source.plan(start..12, bytes), *next);
        }
        let sum: u64 = cuts.windows(2).map(|pair| source.bytes_of(pair[0]..pair[1])).sum();
        assert_eq!(sum, source.bytes_of(0..12));
    }

    fs::remove_file(dir.path().join("z.blocks")).expect("removed");
    let error = refusal(dir.path());
    assert_eq!(error.fault, FileFault::Gap { missing: 5, found: 8 });
    assert!(error.path.ends_with("a.rlp") && error.to_string().contains("blocks 5 to 7"));
    fs::write(dir.path().join("z.blocks"), export(&blocks[4..7])).expect("written");
    let fault = refusal(dir.path()).fault;
    assert!(matches!(fault, FileFault::Overlap { height: 4, .. }), "{fault}");
    let stranger = era1::chain(5, 3, B256::repeat_byte(1));
    fs::write(dir.path().join("z.blocks"), export(&stranger)).expect("written");
    let fault = refusal(dir.path()).fault;
    assert!(matches!(fault, FileFault::WrongParent { .. }), "{fault}");
}

#[test]
fn folders_without_blocks_or_of_two_networks_are_refused() {
    let dir = folder(&[("genesis.json", b"{}"), ("1.receipts.rlp", b"\xc0")]);
    assert_eq!(refusal(dir.path()).fault, FileFault::NoFiles);
    assert_eq!(refusal(&dir.path().join("1.receipts.rlp")).fault, FileFault::NoFiles);
    assert!(matches!(open(&dir.path().join("absent")), Err(SourceError::Read { .. })));
    let blocks = era1::chain(0, 2, B256::ZERO);
    let (bytes, accumulator) = (era1::archive(&blocks, 0), era1::accumulator(&blocks));
    let names = ["mainnet", "sepolia"].map(|network| era1::name(network, 0, accumulator));
    let dir = folder(&[(&names[0], &bytes), (&names[1], &bytes)]);
    let fault = refusal(dir.path()).fault;
    assert!(matches!(fault, FileFault::TwoNetworks { .. }), "{fault}");
}

#[test]
fn a_name_must_be_the_archives() {
    let blocks = era1::chain(0, 2, B256::ZERO);
    let (bytes, accumulator) = (era1::archive(&blocks, 0), era1::accumulator(&blocks));
    let fault = |name: &str| refusal(folder(&[(name, &bytes)]).path()).fault;
    let found = accumulator;
    let wrong = FileFault::NameHash { wanted: [0, 1, 2, 3], found };
    assert_eq!(fault("mainnet-00000-00010203.era1"), wrong);
    let wrong = FileFault::NameEpoch { wanted: 8192, found: 0 };
    assert_eq!(fault(&era1::name("mainnet", 1, accumulator)), wrong);
    assert_eq!(fault("blocks.era1"), FileFault::BadName);
    assert_eq!(fault("mainnet-zero-00010203.era1"), FileFault::BadName);
    // A network of one's own has no chain id that the name could tell.
    let dir = folder(&[(&era1::name("my-net", 0, accumulator), &bytes)]);
    assert_eq!(opened(dir.path()).network(), None);
}

/// What comes out of an archive of 7 blocks in which `damage` has been done to the entries.
fn damaged(damage: impl FnOnce(&mut Vec<era1::Entry>)) -> (usize, FileError) {
    let blocks = era1::chain(0, 7, B256::ZERO);
    let mut entries = era1::entries(&blocks);
    damage(&mut entries);
    let dir = archive_folder(&blocks, &entries);
    let Attempt { done, failure } = fetch(&opened(dir.path()));
    let error = file_error(failure.expect("damage is noticed"));
    let message = error.to_string();
    assert!(message.contains("mainnet-00000-") && message.contains("offset"), "{message}");
    (done.len(), error)
}

#[test]
fn a_flipped_byte_in_an_entry_is_named_and_blocks_before_it_come_out() {
    for (place, what) in ["header", "body", "receipts"].into_iter().enumerate() {
        let (done, error) =
            damaged(|entries| *entries[12 + place].1.last_mut().expect("not empty") ^= 1);
        assert_eq!((done, error.height), (3, Some(3)));
        let is_it = match &error.fault {
            FileFault::Checksum { what: named } | FileFault::Snappy { what: named, .. } => {
                *named == what
            }
            _ => false,
        };
        assert!(is_it, "{error}");
    }
    let (done, error) = damaged(|entries| entries[15].1[0] ^= 1);
    assert!(matches!(error.fault, FileFault::TotalDifficulty { .. }), "{error}");
    assert_eq!((done, error.height), (3, Some(3)));
}

#[test]
fn entries_out_of_place_are_named() {
    let (done, error) = damaged(|entries| entries.swap(13, 14));
    let swapped = FileFault::EntryOrder { wanted: "body", found: "receipts" };
    assert_eq!((done, error.fault), (3, swapped));
    let (done, error) = damaged(|entries| entries[13].0 = 0x44);
    assert_eq!((done, error.fault), (3, FileFault::UnknownEntry { kind: 0x44 }));
    // Blocks in another order than their numbers say.
    let (done, error) = damaged(|entries| {
        for place in 0..4 {
            entries.swap(12 + place, 16 + place);
        }
    });
    assert_eq!((done, error.fault), (3, FileFault::WrongHeight { wanted: 3, found: 4 }));
    let (done, error) = damaged(|entries| entries[15].1.push(0));
    let long = FileFault::EntryLength { what: "total difficulty", found: 33, wanted: 32 };
    assert_eq!((done, error.fault), (3, long));
    let (done, error) = damaged(|entries| {
        let stranger = era1::chain(3, 1, B256::repeat_byte(1));
        entries[12] = era1::entries(&stranger).swap_remove(0);
    });
    assert!(matches!(error.fault, FileFault::WrongParent { .. }), "{error}");
    assert_eq!(done, 3);
}

#[test]
fn what_unpacks_to_no_block_is_named() {
    for (place, what) in [(12, "header"), (13, "body")] {
        let (done, error) = damaged(|entries| entries[place].1 = era1::pack(b"\x83abc"));
        assert!(matches!(error.fault, FileFault::Rlp { what: named, .. } if named == what));
        assert_eq!((done, error.height), (3, Some(3)));
    }
    let (done, error) = damaged(|entries| entries[12].1 = era1::pack(&vec![0; 1 << 20]));
    assert!(matches!(error.fault, FileFault::TooLarge { what: "header", .. }), "{error}");
    assert_eq!(done, 3);
}

#[test]
fn blocks_that_do_not_make_the_accumulator_are_refused_with_the_last_of_them() {
    let blocks = era1::chain(0, 7, B256::ZERO);
    let other = era1::chain(0, 6, B256::ZERO);
    let accumulator = era1::accumulator(&other);
    let bytes = era1::archive_of(&era1::entries(&blocks), 0, accumulator);
    let dir = folder(&[(&era1::name("mainnet", 0, accumulator), &bytes)]);
    let source = opened(dir.path());
    let Attempt { done, failure } = fetch(&source);
    let found = era1::accumulator(&blocks);
    let fault = file_error(failure.expect("it is noticed")).fault;
    assert_eq!(fault, FileFault::Accumulator { wanted: accumulator, found });
    assert_eq!(done.len(), 6);
    // Also for whoever begins with the last block.
    let last = block_on(source.fetch(6..7));
    assert!(last.done.is_empty() && last.failure.is_some());
}

#[test]
fn a_damaged_frame_of_a_file_is_named_when_it_is_opened() {
    let blocks = era1::chain(0, 7, B256::ZERO);
    let (good, accumulator) = (era1::archive(&blocks, 0), era1::accumulator(&blocks));
    let name = era1::name("mainnet", 0, accumulator);
    let fault = |bytes: &[u8]| refusal(folder(&[(&name, bytes)]).path()).fault;
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        fault(&bytes)
    };
    let index = good.len() - 8 - 16 - 7 * 8;
    assert!(matches!(flipped(0), FileFault::NoVersion { .. }));
    assert!(matches!(flipped(index - 32), FileFault::NameHash { .. }));
    assert!(matches!(flipped(index - 40), FileFault::EntryOrder { .. }));
    assert_eq!(flipped(index), FileFault::NoIndex);
    assert!(matches!(flipped(index + 8), FileFault::NameEpoch { found: 1, .. }));
    assert!(matches!(flipped(index + 16), FileFault::IndexOffset { height: 0, .. }));
    assert!(matches!(flipped(index + 16 + 8 + 7), FileFault::IndexOffset { height: 1, .. }));
    assert_eq!(flipped(good.len() - 8), FileFault::NoIndex);
    assert!(matches!(flipped(good.len() - 1), FileFault::IndexCount { .. }));
    // The name has only the first bytes of the accumulator.
    let mut bytes = good.clone();
    bytes[index - 1] ^= 1;
    let Attempt { done, failure } = fetch(&opened(folder(&[(&name, &bytes)]).path()));
    let fault = file_error(failure.expect("it is noticed")).fault;
    assert!(matches!(fault, FileFault::Accumulator { .. }) && done.len() == 6, "{fault}");
    for length in 0..good.len() {
        let error = refusal(folder(&[(&name, &good[..length])]).path());
        assert!(error.to_string().contains("restore the file"), "{length}: {error}");
    }
}

#[test]
fn an_index_that_points_elsewhere_is_named() {
    let blocks = era1::chain(0, 7, B256::ZERO);
    let (mut bytes, accumulator) = (era1::archive(&blocks, 0), era1::accumulator(&blocks));
    let at = bytes.len() - 8 - 7 * 8 + 3 * 8;
    let offset = i64::from_le_bytes(*bytes[at..].first_chunk().expect("eight bytes"));
    bytes[at..at + 8].copy_from_slice(&(offset + 1).to_le_bytes());
    let dir = folder(&[(&era1::name("mainnet", 0, accumulator), &bytes)]);
    let Attempt { done, failure } = fetch(&opened(dir.path()));
    let fault = file_error(failure.expect("it is noticed")).fault;
    assert!(matches!(fault, FileFault::IndexElsewhere { wanted, found } if wanted == found + 1));
    assert_eq!(done.len(), 2);
}

#[test]
fn blocks_with_transactions_need_receipts() {
    let blocks = era1::chain(0, 7, B256::ZERO);
    let bytes = concat(&blocks, Made::block);
    let dir = folder(&[("chain.rlp", &bytes)]);
    let Attempt { done, failure } = fetch(&opened(dir.path()));
    let error = file_error(failure.expect("receipts are missing"));
    assert_eq!((done.len(), error.height), (2, Some(2)));
    let wanted = dir.path().join("chain.receipts.rlp");
    assert!(error.to_string().contains(&wanted.display().to_string()), "{error}");
    assert_eq!(error.fault, FileFault::NoReceipts { wanted: wanted.clone() });
    fs::write(&wanted, concat(&blocks[1..], |made| made.receipts.clone())).expect("written");
    let fault = refusal(dir.path()).fault;
    assert!(matches!(fault, FileFault::ReceiptLists { wanted: 7, found: 6, .. }), "{fault}");
    // An export that was told no ending, of blocks without transactions.
    let dir = folder(&[("export", &concat(&blocks[..2], Made::block))]);
    check_read_back(&opened(&dir.path().join("export")), &blocks[..2], 0);
}

#[test]
fn damaged_exports_are_refused() {
    let blocks = era1::chain(0, 4, B256::ZERO);
    let good = concat(&blocks, Made::block);
    let fault = |bytes: &[u8]| refusal(folder(&[("chain.rlp", bytes)]).path()).fault;
    assert_eq!(fault(b""), FileFault::Empty);
    assert!(matches!(fault(b"blocks"), FileFault::Rlp { what: "block", .. }));
    assert!(matches!(fault(&good[..good.len() - 1]), FileFault::Truncated { .. }));
    let claims_too_much = [&good[..], &[0xff; 9]].concat();
    assert!(matches!(fault(&claims_too_much), FileFault::TooLarge { .. }));
    let swapped: Vec<Made> = [0, 2, 1, 3].map(|at| blocks[at as usize].clone()).to_vec();
    let wrong = FileFault::WrongHeight { wanted: 1, found: 2 };
    assert_eq!(fault(&concat(&swapped, Made::block)), wrong);
    let mut flipped = good.clone();
    let at = blocks[0].block().len() + 20;
    flipped[at] ^= 1;
    assert!(matches!(fault(&flipped), FileFault::WrongParent { .. }));

    // Changed after it was opened.
    let dir = folder(&[("chain.rlp", &good)]);
    let source = opened(dir.path());
    let stranger = concat(&era1::chain(0, 4, B256::repeat_byte(1)), Made::block);
    fs::write(dir.path().join("chain.rlp"), [&good[..at - 20], &stranger[at - 20..]].concat())
        .expect("written");
    let Attempt { done, failure } = fetch(&source);
    assert!(matches!(failure, Some(SourceError::Changed { height: 1, .. })), "{failure:?}");
    assert_eq!(done.len(), 1);
}

/// Opens whatever the file holds and fetches what it seems to hold: errors are fine.
fn try_all(name: &str, bytes: &[u8]) {
    let dir = folder(&[(name, bytes)]);
    let Ok(source) = open(dir.path()) else { return };
    block_on(async {
        let tip = source.tip().await.expect("a tip").expect("a block");
        let first = source.first_height();
        for height in (first..=tip.height).take(20) {
            _ = source.block_at(height).await;
            _ = source.fetch(height..height + 1).await;
        }
        _ = source.fetch(first..tip.height + 2).await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_as_a_file_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        try_all("mainnet-00000-00000000.era1", &bytes);
        try_all("chain.rlp", &bytes);
        // Long enough for an index, and with one that fits.
        let accumulator = B256::repeat_byte(1);
        let entries: Vec<era1::Entry> =
            [3, 4, 5].map(|kind| (kind, era1::pack(&bytes))).into_iter().chain([(6, vec![0; 32])])
            .collect();
        let archive = era1::archive_of(&entries, 0, accumulator);
        try_all(&era1::name("mainnet", 0, accumulator), &archive);
    }

    #[test]
    fn any_damage_to_a_file_never_panics(
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let blocks = era1::chain(0, 4, B256::ZERO);
        let name = era1::name("mainnet", 0, era1::accumulator(&blocks));
        let export = concat(&blocks, Made::block);
        let files = [(name, era1::archive(&blocks, 0)), ("a.rlp".to_owned(), export)];
        for (name, mut bytes) in files {
            for (at, byte) in &damages {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            try_all(&name, &bytes);
        }
    }
}
