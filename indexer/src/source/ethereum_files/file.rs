//! A file that is read at offsets.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::error::{FileError, FileFault};
use crate::source::{SourceError, disk};

/// A file that is open.
#[derive(Debug)]
pub struct OpenFile<'a> {
    path: &'a Path,
    file: File,
    length: u64,
}

impl<'a> OpenFile<'a> {
    /// Opens the file at `path`.
    ///
    /// # Errors
    ///
    /// If the system cannot open it.
    pub fn open(path: &'a Path) -> Result<OpenFile<'a>, SourceError> {
        let (file, length) = disk::open(path)?;
        Ok(OpenFile { path, file, length })
    }

    /// Length when it was opened, bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// An error at `offset`.
    pub fn error(&self, offset: u64, fault: FileFault) -> FileError {
        let path = PathBuf::from(self.path);
        FileError { path, offset: Some(offset), height: None, fault }
    }

    /// Appends to `buffer` what stands from `offset` up to `end`, which is a `what`. No memory is
    /// taken for bytes that are not there.
    ///
    /// # Errors
    ///
    /// If the file ends before, or the system cannot read.
    pub fn read(
        &self,
        offset: u64,
        end: u64,
        what: &'static str,
        buffer: &mut Vec<u8>,
    ) -> Result<(), SourceError> {
        let short = |length| self.error(offset, FileFault::Truncated { what, end, length });
        if end > self.length {
            return Err(short(self.length).into());
        }
        let start = buffer.len();
        buffer.resize(start + end.saturating_sub(offset) as usize, 0);
        let rest = &mut buffer[start..];
        let filled = disk::read_at(&self.file, self.path, offset, rest)?;
        if filled < rest.len() {
            return Err(short(offset + filled as u64).into());
        }
        Ok(())
    }
}
