//! Reads the headers of all blocks in a folder of `blk` files.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use assay_model::Network;

use super::obfuscated::{Key, ObfuscatedFile};
use super::records::{Damage, DamageKind, Framing, Record, walk};
use crate::progress::{Progress, Unit};
use crate::source::SourceError;
use crate::wire::{Hash, Header, Reader};

/// The least that a block can have: a header and a count.
const MIN_BLOCK_BYTES: u32 = 81;
/// The most that a block can have, `MAX_BLOCK_SERIALIZED_SIZE` of Bitcoin Core (`consensus.h`).
pub const MAX_BLOCK_BYTES: u32 = 4_000_000;

/// A block of a `blk` file: what its header says and where it is.
#[derive(Clone, Copy, Debug)]
pub struct Scanned {
    /// Hash, wire order.
    pub hash: Hash,
    /// Its header.
    pub header: Header,
    /// Number of transactions that it claims to have.
    pub transactions: u32,
    /// Number of the file.
    pub file: u32,
    /// Where in the file.
    pub record: Record,
}

/// All blocks of a folder, in the order in which they arrived.
#[derive(Debug)]
pub struct Scan {
    /// The network.
    pub network: Network,
    /// The magic of its records: that of the network, but for custom signets.
    pub magic: [u8; 4],
    /// The blocks.
    pub blocks: Vec<Scanned>,
    /// Places where a block should be and is not. A record cut short at the end of the last file
    /// is none: a node that is killed, or still writing, leaves one.
    pub damages: Vec<Damage>,
}

/// Path of the file with the given kind (`blk`, `rev`) and number.
pub fn file_path(dir: &Path, kind: &str, number: u32) -> PathBuf {
    dir.join(format!("{kind}{number:05}.dat"))
}

/// Scans the folder `dir` on `threads` threads; `wanted` is the network that was asked for.
///
/// # Errors
///
/// If the folder cannot be read, holds no block files, or those of another network.
pub fn scan(
    dir: &Path,
    key: Key,
    wanted: Option<Network>,
    threads: usize,
    progress: &dyn Progress,
) -> Result<Scan, SourceError> {
    let numbers = block_files(dir)?;
    let (network, magic) = identify(dir, key, &numbers, wanted)?;
    progress.begin("scanning", numbers.len() as u64, Unit::Files);
    let next = AtomicUsize::new(0);
    let results = std::thread::scope(|scope| {
        let work = || {
            let mut results = Vec::new();
            while let Some(&number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
                results.push((number, scan_file(dir, key, network, magic, number)));
                progress.advance(1);
            }
            results
        };
        let workers: Vec<_> =
            (0..threads.clamp(1, numbers.len())).map(|_| scope.spawn(work)).collect();
        let mut results = Vec::with_capacity(numbers.len());
        for worker in workers {
            results.extend(worker.join().expect("a scanning thread panicked: a bug of assay"));
        }
        results
    });
    progress.end();
    collect(network, magic, results)
}

fn collect(
    network: Network,
    magic: [u8; 4],
    mut results: Vec<(u32, Result<FileScan, SourceError>)>,
) -> Result<Scan, SourceError> {
    results.sort_by_key(|(number, _)| *number);
    let last = results.last().map(|(number, _)| *number);
    let mut scan = Scan { network, magic, blocks: Vec::new(), damages: Vec::new() };
    for (number, result) in results {
        let mut file = result?;
        if Some(number) == last {
            file.damages.pop_if(|damage| damage.kind == DamageKind::CutShort);
        }
        scan.blocks.extend(file.blocks);
        scan.damages.extend(file.damages);
    }
    Ok(scan)
}

/// The numbers of the `blk` files in `dir`, ascending.
fn block_files(dir: &Path) -> Result<Vec<u32>, SourceError> {
    let read = |source| SourceError::Read { path: dir.to_owned(), source };
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(read)? {
        let name = entry.map_err(read)?.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix("blk")?.strip_suffix(".dat"))
            .filter(|digits| digits.len() >= 5)
            .and_then(|digits| digits.parse::<u32>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    if numbers.is_empty() {
        return Err(SourceError::NoBlockFiles { path: dir.to_owned() });
    }
    Ok(numbers)
}

/// The network that the first file with any content belongs to, and its magic.
fn identify(
    dir: &Path,
    key: Key,
    numbers: &[u32],
    wanted: Option<Network>,
) -> Result<(Network, [u8; 4]), SourceError> {
    let mut unknown = None;
    for &number in numbers {
        let file = ObfuscatedFile::open(file_path(dir, "blk", number), key)?;
        let mut magic = [0; 4];
        if file.read_raw(0, &mut magic)? < magic.len() || magic == [0; 4] {
            continue;
        }
        file.reveal(0, &mut magic);
        let path = file.path().to_owned();
        match (Network::from_magic(magic), wanted) {
            (Some(found), Some(wanted)) if found != wanted => {
                return Err(SourceError::OtherNetwork { path, offset: 0, found, wanted });
            }
            (Some(found), _) => return Ok((found, magic)),
            // A signet's magic is made from its challenge: each custom one has its own.
            (None, Some(Network::Signet)) => return Ok((Network::Signet, magic)),
            // The first bytes of a file may be damaged: the next file may tell.
            (None, _) => {
                _ = unknown.get_or_insert(SourceError::UnknownMagic { path, found: magic })
            }
        }
    }
    Err(unknown.unwrap_or_else(|| SourceError::NoBlockFiles { path: dir.to_owned() }))
}

struct FileScan {
    blocks: Vec<Scanned>,
    damages: Vec<Damage>,
}

fn scan_file(
    dir: &Path,
    key: Key,
    network: Network,
    magic: [u8; 4],
    number: u32,
) -> Result<FileScan, SourceError> {
    let file = ObfuscatedFile::open(file_path(dir, "blk", number), key)?;
    refuse_other_network(&file, network, magic)?;
    let framing = Framing { magic, sizes: (MIN_BLOCK_BYTES, MAX_BLOCK_BYTES), trailer: 0 };
    let mut blocks = Vec::new();
    let damages = walk(&file, framing, |record, head| {
        let Some(block) = read_head(network, number, record, head) else { return false };
        blocks.push(block);
        true
    })?;
    Ok(FileScan { blocks, damages })
}

/// A later file can be of another network when folders were mixed.
fn refuse_other_network(
    file: &ObfuscatedFile,
    wanted: Network,
    magic: [u8; 4],
) -> Result<(), SourceError> {
    let mut found = [0; 4];
    if file.read(0, &mut found)? == found.len()
        && found != magic
        && let Some(found) = Network::from_magic(found)
    {
        let path = file.path().to_owned();
        return Err(SourceError::OtherNetwork { path, offset: 0, found, wanted });
    }
    Ok(())
}

/// The block whose data begins with `head`; `None` if the header lacks its proof of work.
fn read_head(network: Network, file: u32, record: Record, head: &[u8]) -> Option<Scanned> {
    let hash = Header::hash_of(head.first_chunk()?);
    let mut reader = Reader::new(head);
    let header = Header::read(&mut reader).ok()?;
    let transactions = u32::try_from(reader.count().ok()?).ok()?;
    header.has_proof_of_work(&hash, network).then_some(Scanned {
        hash,
        header,
        transactions,
        file,
        record,
    })
}
