//! What was imported: `reference/<table>.csv` in the folder of results, in the form in which it is exported.
//!
//! # Invariants
//!
//! * A file is replaced as a whole, by a rename: a reader has all of it as it was, or as it is.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use assay_model::hex;
use assay_model::reference::{PRICES, ReferenceTable, SCHEMA, TABLES};
use sha2::{Digest, Sha256};

use super::{Columns, Imported, Prices, Rows, Today, shipped};
use crate::QueryError;
use crate::analyses::write_file;

/// The longest file that is read: the headers of all blocks of Ethereum's proof of work, several times.
const MAX_FILE_BYTES: u64 = 4 << 30;
/// Bytes of a hash that tell one state of the tables from another.
const FINGERPRINT_BYTES: usize = 8;

/// All rows of all tables as they were when they were first asked for.
#[derive(Debug)]
pub(crate) struct Reference {
    dir: PathBuf,
    /// Of each table's import, when it was written and its length; `None` if there is none.
    seen: [Option<(SystemTime, u64)>; TABLES.len()],
    rows: [OnceLock<Rows>; TABLES.len()],
    prices: OnceLock<Prices>,
}

impl Default for Reference {
    /// What comes with the program.
    fn default() -> Reference {
        Reference {
            dir: PathBuf::new(),
            seen: Default::default(),
            rows: Default::default(),
            prices: OnceLock::new(),
        }
    }
}

impl Reference {
    /// The tables, with what was imported into the folder `dir` of results.
    pub(crate) fn open(dir: &Path) -> Result<Reference, QueryError> {
        let mut reference = Reference { dir: dir.to_owned(), ..Reference::default() };
        for (seen, table) in reference.seen.iter_mut().zip(TABLES) {
            let path = path(dir, table);
            *seen = match fs::metadata(&path) {
                Ok(file) => Some((file.modified().unwrap_or(SystemTime::UNIX_EPOCH), file.len())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(source) => return Err(QueryError::Read { path, source }),
            };
        }
        Ok(reference)
    }

    /// Whether nothing was imported between `self` and `other`.
    pub(crate) fn is_as(&self, other: &Reference) -> bool {
        self.dir == other.dir && self.seen == other.seen
    }

    /// The rows of `table`. May read a file.
    pub(crate) fn rows(&self, table: &'static ReferenceTable) -> Result<&Rows, QueryError> {
        let place = place(table);
        if self.seen[place].is_none() {
            return Ok(shipped(table));
        }
        if let Some(rows) = self.rows[place].get() {
            return Ok(rows);
        }
        let rows = imported(&self.dir, table)?.instead_of(shipped(table));
        Ok(self.rows[place].get_or_init(|| rows))
    }

    /// What assets cost. May read a file.
    pub(crate) fn prices(&self) -> Result<&Prices, QueryError> {
        if let Some(prices) = self.prices.get() {
            return Ok(prices);
        }
        let prices = Prices::of(self.rows(&PRICES)?);
        Ok(self.prices.get_or_init(|| prices))
    }

    /// What was imported into `table`; `None` if nothing was. Reads a file.
    pub(crate) fn imported(
        &self,
        table: &'static ReferenceTable,
    ) -> Result<Option<Rows>, QueryError> {
        match self.seen[place(table)] {
            Some(_) => Ok(Some(imported(&self.dir, table)?)),
            None => Ok(None),
        }
    }

    /// Tells one state of `tables` from all others: the beginning of a SHA-256 of their rows, those that come
    /// with the program and those that were imported.
    pub(crate) fn fingerprint(
        &self,
        tables: &[&'static ReferenceTable],
    ) -> Result<String, QueryError> {
        let mut hash = Sha256::new();
        for table in tables {
            hash.update(shipped(table).to_csv());
            if self.seen[place(table)].is_some() {
                hash.update(self.rows(table)?.to_csv());
            }
        }
        Ok(hex::encode(&hash.finalize()[..FINGERPRINT_BYTES]))
    }
}

/// The place of `table` among all.
pub(super) fn place(table: &ReferenceTable) -> usize {
    TABLES.iter().position(|known| *known == table).expect("it is one of them")
}

fn path(dir: &Path, table: &ReferenceTable) -> PathBuf {
    dir.join(SCHEMA).join(file_name(table))
}

fn file_name(table: &ReferenceTable) -> String {
    format!("{}.csv", table.name)
}

/// What was imported into `table`.
fn imported(dir: &Path, table: &'static ReferenceTable) -> Result<Rows, QueryError> {
    let path = path(dir, table);
    let text = read_file(&path)?;
    Rows::read(table, &text, &Columns::default(), Today::MAX).map_err(|wrong| wrong.in_file(&path))
}

/// Adds `rows` to what was imported, in the place of the same series.
pub(super) fn add(dir: &Path, rows: Rows) -> Result<Imported, QueryError> {
    let (table, count) = (rows.table, rows.rows.len());
    let rows = match fs::exists(path(dir, table)) {
        Ok(true) if !table.series.is_empty() => rows.instead_of(&imported(dir, table)?),
        _ => rows,
    };
    let folder = dir.join(SCHEMA);
    fs::create_dir_all(&folder)
        .map_err(|source| QueryError::Write { path: folder.clone(), source })?;
    write_file(&folder, &file_name(table), |file| file.write_all(&rows.to_csv()))?;
    let all = Reference::open(dir)?.rows(table)?.rows.len();
    Ok(Imported { table: table.name, rows: count, all })
}

/// Removes what was imported into `table`, if anything was.
pub(super) fn remove(dir: &Path, table: &ReferenceTable) -> Result<bool, QueryError> {
    let path = path(dir, table);
    match fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(QueryError::Write { path, source }),
    }
}

/// The content of a file that is not too long.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, QueryError> {
    let read = || match fs::metadata(path)?.len() {
        0..=MAX_FILE_BYTES => fs::read(path),
        _ => Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is longer than 4 GiB")),
    };
    read().map_err(|source| QueryError::Read { path: path.to_owned(), source })
}
