//! A cursor over bytes in Ethereum's serialisation (Yellow Paper, appendix B).

use alloy_primitives::{Address, U256};

/// The bytes are not what the serialisation, or the place where they stand, allows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RlpError {
    /// Fewer bytes than the item needs.
    #[error("the data ends at byte {at}, within an item")]
    Short {
        /// Offset at which the item begins.
        at: usize,
    },
    /// An item that is not written in its shortest form.
    #[error("the item at byte {at} is not written in its shortest form")]
    NotShortest {
        /// Offset of the item.
        at: usize,
    },
    /// A list where a string of bytes belongs, or the other way round.
    #[error("the item at byte {at} is no {wanted}")]
    Kind {
        /// Offset of the item.
        at: usize,
        /// What belongs there: `list` or `string`.
        wanted: &'static str,
    },
    /// A string of another length than the value has.
    #[error("the string at byte {at} has {found} bytes, where {wanted} belong")]
    Length {
        /// Offset of the item.
        at: usize,
        /// Its length.
        found: usize,
        /// The length that the value has, at most.
        wanted: usize,
    },
    /// Items behind what a list, or the data, should end with.
    #[error("there is more behind byte {at}, where the {what} should end")]
    LeftOver {
        /// Offset of the first byte too many.
        at: usize,
        /// What should end.
        what: &'static str,
    },
    /// A transaction or receipt of a type that is not known.
    #[error(
        "the type {kind} at byte {at} is not known: it may be of a newer fork than this program"
    )]
    UnknownType {
        /// Offset of the type.
        at: usize,
        /// The type.
        kind: u8,
    },
    /// A number that no valid block can hold.
    #[error("the number at byte {at} is larger than any that is valid there")]
    TooLarge {
        /// Offset of the number.
        at: usize,
    },
}

/// A cursor over the items of a list, or of several in a row; every read moves it, and none reads
/// past the end.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    data: &'a [u8],
    at: usize,
    end: usize,
}

/// Where an item's content lies.
struct Content {
    is_list: bool,
    start: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    /// A cursor at the first item of `data`.
    pub fn new(data: &'a [u8]) -> Reader<'a> {
        Reader { data, at: 0, end: data.len() }
    }

    /// Offset of the next item.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Whether no item is left.
    pub fn is_empty(&self) -> bool {
        self.at == self.end
    }

    /// The bytes from `start` up to the cursor.
    pub fn since(&self, start: usize) -> &'a [u8] {
        &self.data[start..self.at]
    }

    /// The next item, its prefix included.
    pub fn raw(&mut self) -> Result<&'a [u8], RlpError> {
        let start = self.at;
        self.at = self.content()?.end;
        Ok(self.since(start))
    }

    /// Whether the next item is a list.
    pub fn is_list(&self) -> bool {
        !self.is_empty() && self.data[self.at] >= 0xc0
    }

    /// The next item, a list.
    pub fn list(&mut self) -> Result<Reader<'a>, RlpError> {
        let at = self.at;
        let content = self.content()?;
        if !content.is_list {
            return Err(RlpError::Kind { at, wanted: "list" });
        }
        self.at = content.end;
        Ok(Reader { data: self.data, at: content.start, end: content.end })
    }

    /// The next item, a string of bytes.
    pub fn bytes(&mut self) -> Result<&'a [u8], RlpError> {
        let at = self.at;
        let content = self.content()?;
        if content.is_list {
            return Err(RlpError::Kind { at, wanted: "string" });
        }
        self.at = content.end;
        Ok(&self.data[content.start..content.end])
    }

    /// The next item, a string with RLP in it, as typed transactions are: a reader over what it
    /// holds, whose offsets are those of the whole data.
    pub fn within_bytes(&mut self) -> Result<Reader<'a>, RlpError> {
        let length = self.bytes()?.len();
        Ok(Reader { data: self.data, at: self.at - length, end: self.at })
    }

    /// The next byte, which is no item of its own.
    pub fn byte(&mut self) -> Result<u8, RlpError> {
        if self.is_empty() {
            return Err(RlpError::Short { at: self.at });
        }
        self.at += 1;
        Ok(self.data[self.at - 1])
    }

    /// The next item, a string of `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], RlpError> {
        let at = self.at;
        let bytes = self.bytes()?;
        bytes.try_into().map_err(|_| RlpError::Length { at, found: bytes.len(), wanted: N })
    }

    /// The next item, an address.
    pub fn address(&mut self) -> Result<Address, RlpError> {
        self.array::<20>().map(Address::from)
    }

    /// The next item, an address or nothing.
    pub fn optional_address(&mut self) -> Result<Option<Address>, RlpError> {
        match self.clone().bytes()? {
            [] => self.bytes().map(|_| None),
            _ => self.address().map(Some),
        }
    }

    /// The next item, a number of at most `N` bytes without leading zeros, filled up to `N` bytes.
    fn padded<const N: usize>(&mut self) -> Result<[u8; N], RlpError> {
        let at = self.at;
        let bytes = self.bytes()?;
        if bytes.first() == Some(&0) {
            return Err(RlpError::NotShortest { at });
        }
        let unused = N.checked_sub(bytes.len()).ok_or(RlpError::Length {
            at,
            found: bytes.len(),
            wanted: N,
        })?;
        let mut padded = [0; N];
        padded[unused..].copy_from_slice(bytes);
        Ok(padded)
    }

    /// The next item, a number of 256 bits.
    pub fn u256(&mut self) -> Result<U256, RlpError> {
        self.padded().map(U256::from_be_bytes::<32>)
    }

    /// The next item, a number of 64 bits.
    pub fn u64(&mut self) -> Result<u64, RlpError> {
        self.padded().map(u64::from_be_bytes)
    }

    /// The next item, a number that a column of whole numbers holds.
    pub fn i64(&mut self) -> Result<i64, RlpError> {
        let at = self.at;
        i64::try_from(self.u64()?).map_err(|_| RlpError::TooLarge { at })
    }

    /// The next item, an amount that a column of 38 digits holds.
    pub fn amount(&mut self) -> Result<i128, RlpError> {
        let at = self.at;
        amount(self.u256()?).ok_or(RlpError::TooLarge { at })
    }

    /// Nothing, if nothing is left.
    ///
    /// # Errors
    ///
    /// If something is; `what` is that which should end.
    pub fn end(&self, what: &'static str) -> Result<(), RlpError> {
        if self.is_empty() { Ok(()) } else { Err(RlpError::LeftOver { at: self.at, what }) }
    }

    fn content(&self) -> Result<Content, RlpError> {
        let at = self.at;
        let short = RlpError::Short { at };
        let prefix = match self.is_empty() {
            true => return Err(short),
            false => self.data[at],
        };
        let is_list = prefix >= 0xc0;
        let (start, length) = match prefix {
            0..0x80 => (at, 1),
            0x80..=0xb7 => (at + 1, usize::from(prefix - 0x80)),
            0xc0..=0xf7 => (at + 1, usize::from(prefix - 0xc0)),
            0xb8..=0xbf => self.long_length(at, usize::from(prefix - 0xb7))?,
            0xf8..=0xff => self.long_length(at, usize::from(prefix - 0xf7))?,
        };
        if length > self.end - start.min(self.end) {
            return Err(short);
        }
        if prefix == 0x81 && self.data[start] < 0x80 {
            return Err(RlpError::NotShortest { at });
        }
        Ok(Content { is_list, start, end: start + length })
    }

    /// Start and length of a content whose length is written in the `size` bytes after `at`.
    fn long_length(&self, at: usize, size: usize) -> Result<(usize, usize), RlpError> {
        let start = at + 1 + size;
        if start > self.end {
            return Err(RlpError::Short { at });
        }
        let bytes = &self.data[at + 1..start];
        let length = bytes.iter().fold(0u64, |length, &byte| length << 8 | u64::from(byte));
        if bytes[0] == 0 || length <= 55 {
            return Err(RlpError::NotShortest { at });
        }
        Ok((start, usize::try_from(length).map_err(|_| RlpError::Short { at })?))
    }
}

/// `value` as columns of 38 digits hold it; `None` if it has more.
pub fn amount(value: U256) -> Option<i128> {
    i128::try_from(value).ok().and_then(in_38_digits)
}

/// `value`, which is not negative, if columns of 38 digits hold it.
pub fn in_38_digits(value: i128) -> Option<i128> {
    const LIMIT: i128 = 10i128.pow(38);
    (value < LIMIT).then_some(value)
}

/// The sum of `amounts`, none of which is negative; `None` if it has more than 38 digits.
pub fn sum(mut amounts: impl Iterator<Item = i128>) -> Option<i128> {
    amounts.try_fold(0i128, |sum, amount| in_38_digits(sum.checked_add(amount)?))
}

#[cfg(test)]
mod tests {
    use alloy_rlp::Encodable;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_shortest_or_too_short_is_refused() {
        let bytes = |data: &'static [u8]| Reader::new(data).bytes();
        assert_eq!(bytes(&[0x81, 0x7f]), Err(RlpError::NotShortest { at: 0 }));
        assert_eq!(bytes(&[0x81, 0x80]), Ok(&[0x80][..]));
        assert_eq!(bytes(&[0xb8, 55]), Err(RlpError::NotShortest { at: 0 }));
        assert_eq!(bytes(&[0xb9, 0, 56]), Err(RlpError::NotShortest { at: 0 }));
        assert_eq!(bytes(&[0x82, 1]), Err(RlpError::Short { at: 0 }));
        assert_eq!(
            bytes(&[0xbf, 255, 255, 255, 255, 255, 255, 255, 255]),
            Err(RlpError::Short { at: 0 })
        );
        assert_eq!(bytes(&[0xb9, 1]), Err(RlpError::Short { at: 0 }));
        assert_eq!(bytes(&[0xc0]), Err(RlpError::Kind { at: 0, wanted: "string" }));
        assert_eq!(bytes(&[]), Err(RlpError::Short { at: 0 }));
        assert_eq!(Reader::new(&[0x82, 0, 1]).u64(), Err(RlpError::NotShortest { at: 0 }));
        assert_eq!(Reader::new(&[0]).u64(), Err(RlpError::NotShortest { at: 0 }));
    }

    #[test]
    fn an_item_ends_within_its_list() {
        // A list of one byte whose item claims two.
        let mut list = Reader::new(&[0xc1, 0x82, 1, 2]).list().expect("a list");
        assert_eq!(list.bytes(), Err(RlpError::Short { at: 1 }));
    }

    #[test]
    fn no_sum_has_more_than_38_digits() {
        let most = 10i128.pow(38) - 1;
        assert_eq!(sum([most - 1, 1].into_iter()), Some(most));
        assert_eq!(sum([most, 1].into_iter()), None);
        assert_eq!(sum([most, most].into_iter()), None);
        assert_eq!(amount(U256::from(10).pow(U256::from(38))), None);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(
            number in any::<u64>(),
            wide in any::<[u8; 32]>(),
            text in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let wide = U256::from_be_bytes(wide);
            let mut payload = Vec::new();
            number.encode(&mut payload);
            wide.encode(&mut payload);
            text[..].encode(&mut payload);
            let mut data = Vec::new();
            alloy_rlp::Header { list: true, payload_length: payload.len() }.encode(&mut data);
            data.extend(&payload);
            let mut list = Reader::new(&data).list().expect("a list");
            prop_assert_eq!(list.u64(), Ok(number));
            prop_assert_eq!(list.u256(), Ok(wide));
            prop_assert_eq!(list.bytes(), Ok(&text[..]));
            prop_assert_eq!(list.end("list"), Ok(()));
        }

        #[test]
        fn any_bytes_are_read_or_refused(data in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut reader = Reader::new(&data);
            while let Ok(item) = reader.raw() {
                prop_assert!(!item.is_empty());
            }
        }
    }
}
