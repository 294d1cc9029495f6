//! Where the lists are in a file that is nothing but RLP lists, one behind the other.

use super::error::FileFault;
use super::file::OpenFile;
use crate::progress::Progress;
use crate::rlp::RlpError;
use crate::source::SourceError;

/// Bytes that are read at once.
const WINDOW_BYTES: u64 = 1 << 16;
/// Most bytes of a list. A block of 200 million gas holds 50 MB of zeros as call data; no client
/// takes one of more than 10 MB.
pub const MAX_ITEM_BYTES: u64 = 64 << 20;
/// Bytes that a list's prefix has at most.
const MAX_PREFIX_BYTES: u64 = 9;

/// Goes through the lists of a file.
pub struct Items<'a> {
    file: &'a OpenFile<'a>,
    /// Name of the lists in messages.
    what: &'static str,
    progress: &'a dyn Progress,
    /// Offset of the next list.
    at: u64,
    window: Vec<u8>,
    window_start: u64,
}

/// Where a list is in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its first byte.
    pub offset: u64,
    /// The first byte of what it lists.
    pub content: u64,
    /// The byte behind it.
    pub end: u64,
}

impl<'a> Items<'a> {
    /// Before the first list of `file`, each of which is a `what`.
    pub fn new(
        file: &'a OpenFile<'a>,
        what: &'static str,
        progress: &'a dyn Progress,
    ) -> Items<'a> {
        Items { file, what, progress, at: 0, window: Vec::new(), window_start: 0 }
    }

    /// The next list; `None` behind the last.
    ///
    /// # Errors
    ///
    /// If something else is there, or the file ends within it.
    pub fn next(&mut self) -> Result<Option<Item>, SourceError> {
        let (offset, length, what) = (self.at, self.file.length(), self.what);
        if offset == length {
            return Ok(None);
        }
        let head = self.bytes(offset, offset + MAX_PREFIX_BYTES)?;
        let (prefix, content) = match measure(head) {
            Ok(Some(sizes)) => sizes,
            Ok(None) => {
                let fault = FileFault::Truncated { what, end: offset + MAX_PREFIX_BYTES, length };
                return Err(self.file.error(offset, fault).into());
            }
            Err(error) => {
                return Err(self.file.error(offset, FileFault::Rlp { what, error }).into());
            }
        };
        if content > MAX_ITEM_BYTES {
            let fault = FileFault::TooLarge { what, max: MAX_ITEM_BYTES };
            return Err(self.file.error(offset, fault).into());
        }
        let content_at = offset + prefix;
        let end = content_at + content;
        if end > length {
            let fault = FileFault::Truncated { what, end, length };
            return Err(self.file.error(offset, fault).into());
        }
        self.at = end;
        self.progress.advance(end - offset);
        Ok(Some(Item { offset, content: content_at, end }))
    }

    /// The bytes from `start` on: up to `end`, or up to the end of the file if that comes before.
    ///
    /// # Errors
    ///
    /// If the system cannot read them.
    pub fn bytes(&mut self, start: u64, end: u64) -> Result<&[u8], SourceError> {
        let end = end.min(self.file.length());
        let window_end = self.window_start + self.window.len() as u64;
        if start < self.window_start || end > window_end {
            self.window.clear();
            let filled = end.max(start + WINDOW_BYTES).min(self.file.length());
            self.file.read(start, filled, self.what, &mut self.window)?;
            self.window_start = start;
        }
        let at = |offset| (offset - self.window_start) as usize;
        Ok(&self.window[at(start)..at(end)])
    }
}

/// Lengths of the prefix and of the content of the list that begins with `head`; `None` if `head`
/// ends within the prefix.
fn measure(head: &[u8]) -> Result<Option<(u64, u64)>, RlpError> {
    let Some((&first, rest)) = head.split_first() else { return Ok(None) };
    match first {
        0..0xc0 => Err(RlpError::Kind { at: 0, wanted: "list" }),
        0xc0..=0xf7 => Ok(Some((1, u64::from(first - 0xc0)))),
        0xf8..=0xff => {
            let size = usize::from(first - 0xf7);
            let Some(digits) = rest.get(..size) else { return Ok(None) };
            let length = digits.iter().fold(0u64, |length, &byte| length << 8 | u64::from(byte));
            match digits[0] == 0 || length <= 55 {
                true => Err(RlpError::NotShortest { at: 0 }),
                false => Ok(Some((1 + size as u64, length))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rlp::Reader;

    proptest! {
        #[test]
        fn a_list_is_as_long_as_it_is_read(mut data in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Some(first) = data.first_mut() {
                *first |= 0xc0;
            }
            let mut reader = Reader::new(&data);
            if let Ok(list) = reader.list() {
                let content = reader.position() - list.position();
                prop_assert_eq!(measure(&data), Ok(Some((list.position() as u64, content as u64))));
            }
        }
    }
}
