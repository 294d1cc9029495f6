//! Finds the records of a `blk` or `rev` file.
//!
//! A record is the network's magic, the length of its data in four bytes, the data, and in a `rev`
//! file a checksum of 32 bytes. Bitcoin Core allocates files ahead in zeros that are not
//! obfuscated, so a file ends where a record would begin and eight zeros stand on disk.
//!
//! # Invariants
//!
//! * A place that is no record is noted as [`Damage`] and never ends the search: the next magic
//!   that begins an acceptable record is where it goes on.
//! * Memory is bounded by a constant, whatever the file says.

use std::fmt;
use std::path::PathBuf;

use super::obfuscated::ObfuscatedFile;
use crate::source::SourceError;

/// Magic and length.
const FRAME_BYTES: u64 = 8;
/// Bytes of the data that an acceptance test sees: a header and the count of transactions.
pub const HEAD_BYTES: usize = 89;
/// Bytes that a search reads at once.
const SEARCH_BYTES: usize = 1 << 20;

/// The data of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Offset of the data in the file.
    pub offset: u64,
    /// Length of the data, bytes.
    pub size: u32,
}

/// How the records of a kind of file are framed.
#[derive(Clone, Copy, Debug)]
pub struct Framing {
    /// The magic that every record begins with.
    pub magic: [u8; 4],
    /// Least and greatest length that a record's data can have, bytes.
    pub sizes: (u32, u32),
    /// Bytes between a record's data and the next record.
    pub trailer: u64,
}

/// A place in a file where a record should be and is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// The offset.
    pub offset: u64,
    /// What is there.
    pub kind: DamageKind,
}

/// What is wrong at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamageKind {
    /// The file ends within the record.
    CutShort,
    /// The bytes are no record.
    NoRecord,
    /// Zeros with records behind them.
    Hole,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            DamageKind::CutShort => "the file ends within a record",
            DamageKind::NoRecord => "no valid record begins here",
            DamageKind::Hole => "zeros stand between records",
        };
        write!(f, "{}, offset {}: {what}", self.path.display(), self.offset)
    }
}

/// What stands at a place of a file.
enum Found {
    Record(Record),
    Zeros,
    CutShort,
    Other,
}

/// Calls `accept` with each possible record of `file` and the first [`HEAD_BYTES`] of its data (as
/// many as it has), and returns where the file is damaged. What `accept` refuses is no record.
///
/// # Errors
///
/// If the system cannot read the file.
pub fn walk(
    file: &ObfuscatedFile,
    framing: Framing,
    mut accept: impl FnMut(Record, &[u8]) -> bool,
) -> Result<Vec<Damage>, SourceError> {
    let mut damages = Vec::new();
    let mut place = 0;
    let mut last_record = None;
    while place < file.length() {
        let kind = match look_at(file, framing, place, &mut accept)? {
            Found::Record(record) => {
                last_record = Some(record);
                place = record.offset + u64::from(record.size) + framing.trailer;
                continue;
            }
            Found::Zeros => match end_of_zeros(file, place)? {
                None => break,
                Some(end) => {
                    damages.push(Damage {
                        path: file.path().to_owned(),
                        offset: place,
                        kind: DamageKind::Hole,
                    });
                    place = end;
                    continue;
                }
            },
            Found::CutShort => DamageKind::CutShort,
            Found::Other => DamageKind::NoRecord,
        };
        damages.push(Damage { path: file.path().to_owned(), offset: place, kind });
        // The length of the record before may be what is wrong: search its data too.
        let from = last_record.take().map_or(place + 1, |record: Record| record.offset);
        match search(file, framing, from, &mut accept)? {
            None => break,
            Some(record) => {
                last_record = Some(record);
                place = record.offset + u64::from(record.size) + framing.trailer;
            }
        }
    }
    Ok(damages)
}

fn look_at(
    file: &ObfuscatedFile,
    framing: Framing,
    place: u64,
    accept: &mut impl FnMut(Record, &[u8]) -> bool,
) -> Result<Found, SourceError> {
    let mut bytes = [0; FRAME_BYTES as usize + HEAD_BYTES];
    let filled = file.read_raw(place, &mut bytes)?;
    let bytes = &mut bytes[..filled];
    if bytes.iter().take(FRAME_BYTES as usize).all(|&byte| byte == 0) {
        return Ok(Found::Zeros);
    }
    file.reveal(place, bytes);
    let Some((frame, head)) = bytes.split_first_chunk::<{ FRAME_BYTES as usize }>() else {
        return Ok(Found::CutShort);
    };
    let size = u32::from_le_bytes([frame[4], frame[5], frame[6], frame[7]]);
    let record = Record { offset: place + FRAME_BYTES, size };
    let end = record.offset + u64::from(size) + framing.trailer;
    Ok(if frame[..4] != framing.magic || size < framing.sizes.0 || size > framing.sizes.1 {
        Found::Other
    } else if end > file.length() {
        Found::CutShort
    } else if accept(record, &head[..head.len().min(size as usize)]) {
        Found::Record(record)
    } else {
        Found::Other
    })
}

/// Offset of the first byte from `place` on that is not zero on disk.
fn end_of_zeros(file: &ObfuscatedFile, mut place: u64) -> Result<Option<u64>, SourceError> {
    let mut buffer = vec![0; SEARCH_BYTES];
    loop {
        let filled = file.read_raw(place, &mut buffer)?;
        if filled == 0 {
            return Ok(None);
        }
        if let Some(at) = buffer[..filled].iter().position(|&byte| byte != 0) {
            return Ok(Some(place + at as u64));
        }
        place += filled as u64;
    }
}

/// The first record from `place` on.
fn search(
    file: &ObfuscatedFile,
    framing: Framing,
    mut place: u64,
    accept: &mut impl FnMut(Record, &[u8]) -> bool,
) -> Result<Option<Record>, SourceError> {
    let mut buffer = vec![0; SEARCH_BYTES];
    loop {
        let filled = file.read(place, &mut buffer)?;
        if filled < framing.magic.len() {
            return Ok(None);
        }
        for (at, window) in buffer[..filled].windows(framing.magic.len()).enumerate() {
            if window == framing.magic
                && let Found::Record(record) = look_at(file, framing, place + at as u64, accept)?
            {
                return Ok(Some(record));
            }
        }
        // A magic may stand across the border of two reads.
        place += (filled - framing.magic.len() + 1) as u64;
    }
}
