//! A cursor over bytes in Bitcoin's serialisation.

/// The bytes are not what Bitcoin's serialisation allows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// Fewer bytes than the value needs.
    #[error("the data ends at byte {at}, where {wanted} more are wanted")]
    Short {
        /// Offset at which the value would begin.
        at: usize,
        /// Bytes that it would need.
        wanted: u64,
    },
    /// A count that takes more bytes than its value needs, which Bitcoin Core refuses.
    #[error("the count at byte {at} is not written in its shortest form")]
    LongCount {
        /// Offset of the count.
        at: usize,
    },
    /// A transaction with a SegWit marker but another flag than 1, or without any witness.
    #[error("the transaction at byte {at} has a witness marker and no witness")]
    BadWitnessFlag {
        /// Offset of the transaction.
        at: usize,
    },
    /// A transaction without inputs.
    #[error("the transaction at byte {at} has no inputs")]
    NoInputs {
        /// Offset of the transaction.
        at: usize,
    },
    /// A transaction without outputs.
    #[error("the transaction at byte {at} has no outputs")]
    NoOutputs {
        /// Offset of the transaction.
        at: usize,
    },
    /// A VARINT of Bitcoin Core's stores that does not fit 64 bits.
    #[error("the number at byte {at} does not fit 64 bits")]
    LongVarint {
        /// Offset of the number.
        at: usize,
    },
    /// A compressed public key that is no point of the curve.
    #[error("the public key at byte {at} is no point of the curve")]
    BadPublicKey {
        /// Offset of the key.
        at: usize,
    },
    /// Bytes behind what the data should end with.
    #[error("{left} bytes are left over from byte {at} on")]
    LeftOver {
        /// Offset of the first of them.
        at: usize,
        /// Their number.
        left: usize,
    },
}

/// A cursor over bytes; every read moves it, and none reads past the end.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A cursor at the first of `data`.
    pub fn new(data: &'a [u8]) -> Reader<'a> {
        Reader { data, at: 0 }
    }

    /// Offset of the next byte.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Bytes that are left.
    pub fn remaining(&self) -> usize {
        self.data.len() - self.at
    }

    /// The bytes from `start` up to the cursor.
    pub fn since(&self, start: usize) -> &'a [u8] {
        &self.data[start..self.at]
    }

    /// The next `length` bytes.
    #[inline]
    pub fn bytes(&mut self, length: u64) -> Result<&'a [u8], WireError> {
        if length > self.remaining() as u64 {
            return Err(WireError::Short { at: self.at, wanted: length });
        }
        let start = self.at;
        self.at += length as usize; // at most what remains, so it fits
        Ok(&self.data[start..self.at])
    }

    /// The next `N` bytes.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], WireError> {
        let bytes = self.bytes(N as u64)?;
        Ok(bytes.first_chunk().expect("N bytes were read"))
    }

    /// One byte.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, WireError> {
        Ok(self.array::<1>()?[0])
    }

    /// A little-endian number of 16 bits.
    #[inline]
    pub fn u16(&mut self) -> Result<u16, WireError> {
        self.array().map(|bytes| u16::from_le_bytes(*bytes))
    }

    /// A little-endian number of 32 bits.
    #[inline]
    pub fn u32(&mut self) -> Result<u32, WireError> {
        self.array().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// A little-endian number of 64 bits.
    #[inline]
    pub fn u64(&mut self) -> Result<u64, WireError> {
        self.array().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// A CompactSize count (`ReadCompactSize` of Bitcoin Core's `serialize.h`).
    #[inline]
    pub fn count(&mut self) -> Result<u64, WireError> {
        let at = self.at;
        let (value, least) = match self.u8()? {
            0xfd => (u64::from(self.u16()?), 0xfd),
            0xfe => (u64::from(self.u32()?), 0x1_0000),
            0xff => (self.u64()?, 0x1_0000_0000),
            value => return Ok(u64::from(value)),
        };
        if value < least { Err(WireError::LongCount { at }) } else { Ok(value) }
    }

    /// A VARINT of Bitcoin Core's own stores (`ReadVarInt` of `serialize.h`): base 128, most
    /// significant digit first, one added at each continuation.
    pub fn varint(&mut self) -> Result<u64, WireError> {
        let at = self.at;
        let mut value = 0u64;
        loop {
            let byte = self.u8()?;
            if value > u64::MAX >> 7 {
                return Err(WireError::LongVarint { at });
            }
            value = value << 7 | u64::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            value = value.checked_add(1).ok_or(WireError::LongVarint { at })?;
        }
    }

    /// Nothing, if nothing is left.
    ///
    /// # Errors
    ///
    /// If something is.
    pub fn end(&self) -> Result<(), WireError> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(WireError::LeftOver { at: self.at, left }),
        }
    }

    /// Bytes after their CompactSize length.
    #[inline]
    pub fn counted_bytes(&mut self) -> Result<&'a [u8], WireError> {
        let length = self.count()?;
        self.bytes(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_in_every_length_and_refused_when_too_long() {
        let read = |bytes: &[u8]| Reader::new(bytes).count();
        assert_eq!(read(&[0xfc]), Ok(0xfc));
        assert_eq!(read(&[0xfd, 0xfd, 0]), Ok(0xfd));
        assert_eq!(read(&[0xfe, 0, 0, 1, 0]), Ok(0x1_0000));
        assert_eq!(read(&[0xff, 0, 0, 0, 0, 1, 0, 0, 0]), Ok(0x1_0000_0000));
        assert_eq!(read(&[0xfd, 0xfc, 0]), Err(WireError::LongCount { at: 0 }));
        assert_eq!(read(&[0xfe, 0xff, 0xff, 0, 0]), Err(WireError::LongCount { at: 0 }));
        assert_eq!(read(&[0xfd, 1]), Err(WireError::Short { at: 1, wanted: 2 }));
        assert_eq!(read(&[]), Err(WireError::Short { at: 0, wanted: 1 }));
    }

    #[test]
    fn a_length_that_is_only_claimed_reads_nothing() {
        let mut reader = Reader::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
        assert_eq!(reader.counted_bytes(), Err(WireError::Short { at: 9, wanted: u64::MAX }));
    }
}
