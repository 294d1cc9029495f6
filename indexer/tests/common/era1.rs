//! Small chains of Ethereum, and the files that hold them.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::Write;

use alloy_primitives::{B64, B256, Bloom, U256, keccak256};
use alloy_trie::EMPTY_ROOT_HASH;
use alloy_trie::root::ordered_trie_root_with_encoder;
use assay_indexer::rlp::Outcome;
use assay_indexer::rlp::encode::{HeaderFields, ReceiptFields, TransactionFields, list};
use sha2::{Digest, Sha256};

/// A block in its parts.
#[derive(Clone, Debug)]
pub struct Made {
    pub header: Vec<u8>,
    /// A list of transactions and uncles.
    pub body: Vec<u8>,
    pub receipts: Vec<u8>,
    pub total_difficulty: U256,
}

impl Made {
    pub fn hash(&self) -> B256 {
        keccak256(&self.header)
    }

    /// The block as clients send it.
    pub fn block(&self) -> Vec<u8> {
        let mut items = assay_indexer::rlp::Reader::new(&self.body);
        let items = items.list().expect("a list");
        let mut block = Vec::new();
        list(&mut block, |out| {
            out.extend(&self.header);
            out.extend(&self.body[items.position()..]);
        });
        block
    }
}

/// A chain of `count` blocks from `first` on, whose first has the parent `parent`; every third
/// block has a transaction.
pub fn chain(first: u64, count: u64, parent: B256) -> Vec<Made> {
    let (mut blocks, mut parent): (Vec<Made>, _) = (Vec::new(), parent);
    let mut total_difficulty = U256::from(first) * U256::from(1000);
    for height in first..first + count {
        let difficulty = U256::from(1000 + height);
        total_difficulty += difficulty;
        let made = make(height, parent, difficulty, total_difficulty);
        parent = made.hash();
        blocks.push(made);
    }
    blocks
}

fn make(height: u64, parent_hash: B256, difficulty: U256, total_difficulty: U256) -> Made {
    let transactions: Vec<TransactionFields> =
        (0..u64::from(height % 3 == 2)).map(|_| transaction(height)).collect();
    let receipts: Vec<ReceiptFields> = transactions.iter().map(|_| receipt()).collect();
    let mut uncles = Vec::new();
    list(&mut uncles, |_| {});
    let header = HeaderFields {
        parent_hash,
        uncles_hash: keccak256(&uncles),
        miner: alloy_primitives::Address::with_last_byte(height as u8),
        state_root: B256::ZERO,
        transactions_root: match transactions.is_empty() {
            true => EMPTY_ROOT_HASH,
            false => ordered_trie_root_with_encoder(&transactions, |item, out| item.encode(out)),
        },
        receipts_root: match receipts.is_empty() {
            true => EMPTY_ROOT_HASH,
            false => ordered_trie_root_with_encoder(&receipts, |item, out| item.encode(out)),
        },
        logs_bloom: Bloom::ZERO,
        difficulty,
        height,
        gas_limit: 100_000,
        gas_used: 21_000 * transactions.len() as u64,
        time: 1_438_269_988 + 13 * height,
        extra_data: b"made by hand".as_slice().into(),
        mix_hash: B256::repeat_byte(7),
        nonce: B64::repeat_byte(height as u8),
        base_fee_per_gas: None,
        withdrawals_root: None,
        blob_gas_used: None,
        excess_blob_gas: None,
        parent_beacon_root: None,
        requests_hash: None,
    };
    let mut made =
        Made { header: Vec::new(), body: Vec::new(), receipts: Vec::new(), total_difficulty };
    header.encode(&mut made.header);
    list(&mut made.body, |out| {
        list(out, |out| transactions.iter().for_each(|item| item.encode_in_block(out)));
        out.extend(&uncles);
    });
    list(&mut made.receipts, |out| receipts.iter().for_each(|item| item.encode_in_list(out)));
    made
}

/// A transfer, signed by whoever this signature makes the sender.
fn transaction(nonce: u64) -> TransactionFields {
    TransactionFields {
        kind: 0,
        chain_id: None,
        nonce,
        gas_price: U256::from(50),
        max_priority_fee_per_gas: U256::ZERO,
        max_fee_per_gas: U256::ZERO,
        gas_limit: 21_000,
        to: Some(alloy_primitives::Address::repeat_byte(9)),
        value: U256::from(nonce),
        input: Default::default(),
        access_list: Vec::new(),
        max_fee_per_blob_gas: U256::ZERO,
        blob_hashes: Vec::new(),
        authorizations: Vec::new(),
        y_parity: false,
        r: U256::from(1),
        s: U256::from(1),
    }
}

fn receipt() -> ReceiptFields {
    ReceiptFields {
        kind: 0,
        outcome: Outcome::StateRoot(B256::repeat_byte(3)),
        cumulative_gas_used: 21_000,
        logs_bloom: Bloom::ZERO,
        logs: Vec::new(),
    }
}

/// An entry of an archive: its type and its content.
pub type Entry = (u16, Vec<u8>);

/// `bytes` in snappy frames.
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).expect("in memory");
    encoder.into_inner().expect("in memory")
}

/// The entries of `blocks`, four for each.
pub fn entries(blocks: &[Made]) -> Vec<Entry> {
    let of_block = |made: &Made| {
        let total_difficulty = made.total_difficulty.to_le_bytes::<32>().to_vec();
        let [header, body, receipts] = [&made.header, &made.body, &made.receipts].map(|b| pack(b));
        [(3, header), (4, body), (5, receipts), (6, total_difficulty)]
    };
    blocks.iter().flat_map(of_block).collect()
}

/// An archive of these entries, four for each block from `first` on, with this accumulator.
pub fn archive_of(entries: &[Entry], first: u64, accumulator: B256) -> Vec<u8> {
    let mut file = Vec::new();
    put(&mut file, 0x3265, &[]);
    let mut offsets = Vec::new();
    for (at, (kind, content)) in entries.iter().enumerate() {
        if at % 4 == 0 {
            offsets.push(file.len() as i64);
        }
        put(&mut file, *kind, content);
    }
    put(&mut file, 7, accumulator.as_slice());
    let index_at = file.len() as i64;
    let mut index = first.to_le_bytes().to_vec();
    offsets.iter().for_each(|offset| index.extend((offset - index_at).to_le_bytes()));
    index.extend((offsets.len() as u64).to_le_bytes());
    put(&mut file, 0x3266, &index);
    file
}

fn put(file: &mut Vec<u8>, kind: u16, content: &[u8]) {
    file.extend(kind.to_le_bytes());
    file.extend((content.len() as u32).to_le_bytes());
    file.extend([0, 0]);
    file.extend(content);
}

/// An archive of `blocks`, from `first` on.
pub fn archive(blocks: &[Made], first: u64) -> Vec<u8> {
    archive_of(&entries(blocks), first, accumulator(blocks))
}

/// Name of the archive `epoch` with that accumulator.
pub fn name(network: &str, epoch: u64, accumulator: B256) -> String {
    let hash = assay_model::hex::encode(&accumulator[..4]);
    format!("{network}-{epoch:05}-{hash}.era1")
}

/// Accumulator of `blocks`, as SSZ defines it: the root of 8192 leaves, mixed with their number.
pub fn accumulator(blocks: &[Made]) -> B256 {
    let pair = |left: B256, right: B256| -> B256 {
        let digest = Sha256::digest([left.as_slice(), right.as_slice()].concat());
        B256::from_slice(&digest)
    };
    let mut level: Vec<B256> = blocks
        .iter()
        .map(|made| pair(made.hash(), made.total_difficulty.to_le_bytes::<32>().into()))
        .collect();
    level.resize(8192, B256::ZERO);
    while level.len() > 1 {
        level = level.chunks(2).map(|nodes| pair(nodes[0], nodes[1])).collect();
    }
    pair(level[0], U256::from(blocks.len()).to_le_bytes::<32>().into())
}
