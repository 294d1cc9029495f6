//! Files that Bitcoin Core obfuscates: every byte is XORed with a key by its offset.
//!
//! The key is in `xor.dat` beside the files; without that file nothing is obfuscated.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::source::{SourceError, disk};

/// Name of the file that holds the key.
const KEY_FILE: &str = "xor.dat";

/// The key of a folder of block files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key([u8; 8]);

impl Key {
    /// Reads the key of the folder `dir`; a key of zeros if there is none.
    ///
    /// # Errors
    ///
    /// If the file is there and cannot be read or has another length.
    pub fn of_dir(dir: &Path) -> Result<Key, SourceError> {
        let path = dir.join(KEY_FILE);
        match std::fs::read(&path) {
            Ok(bytes) => match bytes.as_slice().try_into() {
                Ok(key) => Ok(Key(key)),
                Err(_) => Err(SourceError::BadKey { path, length: bytes.len() }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Key([0; 8])),
            Err(source) => Err(SourceError::Read { path, source }),
        }
    }

    /// XORs `bytes`, which stand at `offset` of their file.
    fn apply(self, offset: u64, bytes: &mut [u8]) {
        if self.0 == [0; 8] {
            return;
        }
        let mut key = self.0;
        key.rotate_left((offset % 8) as usize);
        let word = u64::from_ne_bytes(key);
        let mut words = bytes.chunks_exact_mut(8);
        for chunk in &mut words {
            let value = u64::from_ne_bytes((&*chunk).try_into().expect("chunks of eight")) ^ word;
            chunk.copy_from_slice(&value.to_ne_bytes());
        }
        for (byte, key) in words.into_remainder().iter_mut().zip(key) {
            *byte ^= key;
        }
    }
}

/// A file read by offset and freed from its obfuscation.
#[derive(Debug)]
pub struct ObfuscatedFile {
    path: PathBuf,
    file: File,
    key: Key,
    length: u64,
}

impl ObfuscatedFile {
    /// Opens the file at `path`.
    ///
    /// # Errors
    ///
    /// If the system cannot open it.
    pub fn open(path: PathBuf, key: Key) -> Result<ObfuscatedFile, SourceError> {
        let (file, length) = disk::open(&path)?;
        Ok(ObfuscatedFile { path, file, key, length })
    }

    /// Length when it was opened, bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Fills `buffer` from `offset` as far as the file goes, as the bytes stand on disk, and
    /// returns how many there were.
    ///
    /// # Errors
    ///
    /// If the system cannot read.
    pub fn read_raw(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        disk::read_at(&self.file, &self.path, offset, buffer)
    }

    /// Frees `bytes`, which stand at `offset`, from their obfuscation.
    pub fn reveal(&self, offset: u64, bytes: &mut [u8]) {
        self.key.apply(offset, bytes);
    }

    /// Like [`ObfuscatedFile::read_raw`], freed from obfuscation.
    ///
    /// # Errors
    ///
    /// If the system cannot read.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        let filled = self.read_raw(offset, buffer)?;
        self.reveal(offset, &mut buffer[..filled]);
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_applied_by_the_offset_in_the_file() {
        let key = Key([1, 2, 3, 4, 5, 6, 7, 8]);
        for offset in 0..20u64 {
            for length in 0..40 {
                let mut bytes = vec![0; length];
                key.apply(offset, &mut bytes);
                let expected: Vec<u8> =
                    (0..length as u64).map(|at| ((offset + at) % 8) as u8 + 1).collect();
                assert_eq!(bytes, expected);
            }
        }
    }
}
