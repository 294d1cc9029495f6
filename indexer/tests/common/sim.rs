//! Simulated chains and folders of block files for tests of whole runs.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::Path;
use std::sync::Arc;

use assay_fixtures::bitcoin::datadir::{Record, obfuscate};
use assay_fixtures::bitcoin::scripts::ScriptMix;
use assay_fixtures::bitcoin::{BlockSpec, ChainBuilder, DataDir, Layout, TestBlock};
use assay_model::Network;
use tempfile::TempDir;

/// A chain of `blocks` blocks above the genesis block, most of them with a few transactions.
pub fn chain(seed: u64, blocks: u64) -> ChainBuilder {
    let mut chain = ChainBuilder::new(Network::Regtest, seed).with_maturity(3);
    grow(&mut chain, blocks);
    chain
}

/// Mines `blocks` more.
pub fn grow(chain: &mut ChainBuilder, blocks: u64) {
    for _ in 0..blocks {
        let count = (chain.tip().height % 4) as usize;
        chain.mine(&BlockSpec::transactions(count).scripts(ScriptMix::even()));
    }
}

/// The default layout with files of about `bytes`.
pub fn layout(bytes: u64) -> Layout {
    Layout { file_bytes_max: bytes, ..Layout::default() }
}

/// A folder that holds `chain`, in files of about 16 KB.
pub fn folder(chain: &ChainBuilder) -> (TempDir, DataDir) {
    write(chain.blocks(), layout(16_000))
}

/// A folder that holds `blocks`, all with undo data.
pub fn write<'a>(
    blocks: impl IntoIterator<Item = &'a Arc<TestBlock>>,
    layout: Layout,
) -> (TempDir, DataDir) {
    let dir = tempfile::tempdir().expect("a folder");
    let data = DataDir::write(dir.path(), Network::Regtest, layout, blocks).expect("written");
    (dir, data)
}

/// Copies every file of `from` over what is in `to`.
pub fn restore(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("entries have names");
        std::fs::copy(&path, to.join(name)).expect("copied");
    }
}

/// The name of a record's file, and the place of its data as messages write it.
pub fn place(record: &Record) -> String {
    let name = record.path.file_name().expect("a file").to_str().expect("text");
    format!("{name}, offset {}", record.offset + 8)
}

/// What a file is made of.
pub enum Piece {
    /// Bytes that are obfuscated by where they stand.
    Plain(Vec<u8>),
    /// Bytes that are not.
    Raw(Vec<u8>),
}

/// The file that consists of `pieces`.
pub fn assemble(pieces: &[Piece], key: [u8; 8]) -> Vec<u8> {
    let mut file = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Raw(bytes) => file.extend(bytes),
            Piece::Plain(bytes) => {
                let at = file.len();
                file.extend(bytes);
                obfuscate(&mut file[at..], at as u64, key);
            }
        }
    }
    file
}

/// A record as it stands in a file before it is obfuscated.
pub fn framed(data: &[u8], trailer: &[u8]) -> Vec<u8> {
    let size = (data.len() as u32).to_le_bytes();
    [&Network::Regtest.magic()[..], &size, data, trailer].concat()
}

/// The bytes of `record`, freed from obfuscation.
pub fn read_record(record: &Record, key: [u8; 8]) -> Vec<u8> {
    let file = std::fs::read(&record.path).expect("a readable file");
    let mut bytes = file[record.offset as usize..][..record.length as usize].to_vec();
    obfuscate(&mut bytes, record.offset, key);
    bytes
}

/// The key of the default layout.
pub fn key() -> [u8; 8] {
    Layout::default().xor.expect("the default is obfuscated")
}
