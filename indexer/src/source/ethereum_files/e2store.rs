//! The form of era1 files: entries of a type, a length and a content (e2store), some of them packed
//! with snappy in frames.
//!
//! # Invariants
//!
//! * Nothing here panics on any bytes or allocates by a length that they merely claim.
//! * What is unpacked has matched its checksum.

use std::io::{self, Cursor, Read};

use snap::read::FrameDecoder;

use super::error::FileFault;

/// Bytes before the content of an entry: type, length, and two that are zero.
pub const ENTRY_HEADER_BYTES: u64 = 8;

/// With what every stream of frames begins: a chunk of type 255 with a content of six bytes.
const STREAM_BEGIN: &[u8; 10] = b"\xff\x06\x00\x00sNaPpY";

/// What an entry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing: the file is an e2store.
    Version,
    /// A block header.
    Header,
    /// A block's transactions and uncles.
    Body,
    /// A block's receipts.
    Receipts,
    /// Sum of the difficulties up to and with a block.
    TotalDifficulty,
    /// What hashes and total difficulties of all blocks make.
    Accumulator,
    /// Where the blocks are.
    Index,
}

impl Kind {
    fn of(number: u16) -> Option<Kind> {
        match number {
            0x3265 => Some(Kind::Version),
            0x03 => Some(Kind::Header),
            0x04 => Some(Kind::Body),
            0x05 => Some(Kind::Receipts),
            0x06 => Some(Kind::TotalDifficulty),
            0x07 => Some(Kind::Accumulator),
            0x3266 => Some(Kind::Index),
            _ => None,
        }
    }

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Version => "version",
            Kind::Header => "header",
            Kind::Body => "body",
            Kind::Receipts => "receipts",
            Kind::TotalDifficulty => "total difficulty",
            Kind::Accumulator => "accumulator",
            Kind::Index => "block index",
        }
    }
}

/// The bytes before the content of an entry, which is to be a `wanted`: the length of its content.
///
/// # Errors
///
/// If it is another entry.
pub fn content_length(
    bytes: &[u8; ENTRY_HEADER_BYTES as usize],
    wanted: Kind,
) -> Result<u64, FileFault> {
    let [kind_low, kind_high, a, b, c, d, reserved_low, reserved_high] = *bytes;
    let kind = u16::from_le_bytes([kind_low, kind_high]);
    let found = Kind::of(kind).ok_or(FileFault::UnknownEntry { kind })?;
    if found != wanted {
        let (wanted, found) = (wanted.name(), found.name());
        return Err(FileFault::EntryOrder { wanted, found });
    }
    match u16::from_le_bytes([reserved_low, reserved_high]) {
        0 => Ok(u32::from_le_bytes([a, b, c, d]).into()),
        found => Err(FileFault::Reserved { found }),
    }
}

/// Unpacks entries; keeps its buffers from one to the next.
pub struct Unpacker {
    decoder: FrameDecoder<Cursor<Vec<u8>>>,
}

impl Unpacker {
    /// An unpacker with empty buffers.
    pub fn new() -> Unpacker {
        Unpacker { decoder: FrameDecoder::new(Cursor::default()) }
    }

    /// Puts what `packed`, the content of a `what`, holds into `unpacked`, in place of what was
    /// there.
    ///
    /// # Errors
    ///
    /// If it is damaged, or there is more than `max` bytes in it.
    pub fn unpack(
        &mut self,
        packed: &[u8],
        what: &'static str,
        max: u64,
        unpacked: &mut Vec<u8>,
    ) -> Result<(), FileFault> {
        unpacked.clear();
        let result = match packed.starts_with(STREAM_BEGIN) {
            // The decoder asks for it in the first of the streams only.
            false => Err(io::Error::other("no snappy frames")),
            true => {
                let input = self.decoder.get_mut();
                input.set_position(0);
                input.get_mut().clear();
                input.get_mut().extend_from_slice(packed);
                self.decoder.by_ref().take(max + 1).read_to_end(unpacked)
            }
        };
        let fault = match result {
            Ok(length) if length as u64 <= max => return Ok(()),
            Ok(_) => FileFault::TooLarge { what, max },
            Err(error) => match error.get_ref().and_then(|error| error.downcast_ref()) {
                Some(snap::Error::Checksum { .. }) => FileFault::Checksum { what },
                _ => FileFault::Snappy { what, error: error.to_string() },
            },
        };
        // What it still holds belongs to this entry.
        *self = Unpacker::new();
        Err(fault)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn pack(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = snap::write::FrameEncoder::new(Vec::new());
        encoder.write_all(bytes).expect("in memory");
        encoder.into_inner().expect("in memory")
    }

    #[test]
    fn what_unpacks_to_too_much_is_refused_before_it_is_there() {
        let packed = pack(&vec![0; 1 << 24]);
        assert!(packed.len() < 1 << 20);
        let (mut unpacker, mut unpacked) = (Unpacker::new(), Vec::new());
        let fault = unpacker.unpack(&packed, "body", 1 << 20, &mut unpacked);
        assert_eq!(fault, Err(FileFault::TooLarge { what: "body", max: 1 << 20 }));
        assert!(unpacked.capacity() <= 1 << 22);
        // What is left of it is not taken for the next one's.
        let next = pack(b"next");
        assert_eq!(unpacker.unpack(&next, "body", 4, &mut unpacked), Ok(()));
        assert_eq!(unpacked, b"next");
    }

    #[test]
    fn every_flipped_bit_of_a_frame_is_noticed() {
        let bytes = b"every flipped bit of a frame is noticed is noticed is noticed";
        let packed = pack(bytes);
        let (mut unpacker, mut unpacked) = (Unpacker::new(), Vec::new());
        for bit in 0..packed.len() * 8 {
            let mut damaged = packed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let result = unpacker.unpack(&damaged, "body", 1 << 20, &mut unpacked);
            // A chunk of which the type says that it may be skipped: what is left is shorter.
            assert!(result.is_err() || unpacked.is_empty(), "bit {bit}");
        }
        let mut damaged = packed;
        *damaged.last_mut().expect("not empty") ^= 1;
        let result = unpacker.unpack(&damaged, "body", 1 << 20, &mut unpacked);
        assert!(matches!(result, Err(FileFault::Checksum { .. } | FileFault::Snappy { .. })));
    }

    proptest! {
        #[test]
        fn any_bytes_unpack_or_are_refused(
            streams in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..60), 1..5),
        ) {
            let (mut unpacker, mut unpacked) = (Unpacker::new(), Vec::new());
            for stream in streams {
                let packed = [&STREAM_BEGIN[..], &stream].concat();
                _ = unpacker.unpack(&packed, "body", 100, &mut unpacked);
                let packed = pack(&stream);
                prop_assert_eq!(unpacker.unpack(&packed, "body", 100, &mut unpacked), Ok(()));
                prop_assert_eq!(&unpacked, &stream);
            }
        }
    }
}
