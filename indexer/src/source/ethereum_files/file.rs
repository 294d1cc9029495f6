//! A file that is read at offsets.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::error::{FileError, FileFault};
use crate::source::SourceError;

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
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        match opened {
            Ok((length, file)) => Ok(OpenFile { path, file, length }),
            Err(source) => Err(SourceError::Read { path: path.to_owned(), source }),
        }
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
        let (start, mut at) = (buffer.len(), offset);
        buffer.resize(start + end.saturating_sub(offset) as usize, 0);
        while at < end {
            let rest = &mut buffer[start + (at - offset) as usize..];
            match self.file.read_at(rest, at) {
                Ok(0) => return Err(short(at).into()),
                Ok(read) => at += read as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(SourceError::Read { path: self.path.into(), source }),
            }
        }
        Ok(())
    }
}
