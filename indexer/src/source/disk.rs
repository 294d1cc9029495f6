//! Reading files at offsets.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::SourceError;

/// Opens the file at `path`, and tells its length now.
///
/// # Errors
///
/// If the system cannot open it.
pub(super) fn open(path: &Path) -> Result<(File, u64), SourceError> {
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
    match opened {
        Ok((length, file)) => Ok((file, length)),
        Err(source) => Err(SourceError::Read { path: path.to_owned(), source }),
    }
}

/// Fills `buffer` from `offset` as far as `file`, which is at `path`, goes, and returns how many
/// bytes there were.
///
/// # Errors
///
/// If the system cannot read.
pub(super) fn read_at(
    file: &File,
    path: &Path,
    offset: u64,
    buffer: &mut [u8],
) -> Result<usize, SourceError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(SourceError::Read { path: path.to_owned(), source }),
        }
    }
    Ok(filled)
}
