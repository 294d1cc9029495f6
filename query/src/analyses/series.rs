//! The folder of one series of an analysis in a lake: what the last run left, and how a run's end is made
//! to be seen.
//!
//! # Invariants
//!
//! * Files first, the manifest last: a run that breaks off leaves the series as it was.
//! * The files of the manifest before stay until the next run ends, for statements that began then.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use assay_model::BlockHash;
use assay_model::derived::{DerivedFile, DerivedTable, Manifest, SCHEMA, VERSION, file_name};
use assay_model::lake::{LOCK_FILE, MANIFEST_FILE};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::QueryError;
use crate::lake::derived::read_manifest;

/// How the names of tables' files end.
const PARQUET_EXTENSION: &str = ".parquet";
/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// The analyses of a lake, held by their one writer.
#[derive(Debug)]
pub(crate) struct Writer {
    dir: PathBuf,
    _lock: File,
}

/// The folder of one series.
#[derive(Debug)]
pub(crate) struct Series<'a> {
    dir: PathBuf,
    _writer: &'a Writer,
}

impl Writer {
    /// Takes hold of the analyses of the lake in `lake`.
    pub(crate) fn open(lake: &Path) -> Result<Writer, QueryError> {
        let dir = lake.join(SCHEMA);
        fs::create_dir_all(&dir).map_err(cannot_write(&dir))?;
        let path = dir.join(LOCK_FILE);
        let lock = File::create(&path).map_err(cannot_write(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Writer { dir, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(QueryError::Busy { path }),
            Err(TryLockError::Error(source)) => Err(QueryError::Write { path, source }),
        }
    }

    /// The series called `name`.
    pub(crate) fn series(&self, name: &str) -> Result<Series<'_>, QueryError> {
        let dir = self.dir.join(name);
        fs::create_dir_all(&dir).map_err(cannot_write(&dir))?;
        Ok(Series { dir, _writer: self })
    }
}

impl Series<'_> {
    /// What the last run left; `None` if there was none, or it was of another version.
    pub(crate) fn manifest(&self) -> Result<Option<Manifest>, QueryError> {
        Ok(read_manifest(&self.dir)?.filter(|manifest| manifest.version == VERSION))
    }

    /// The rows of one of a manifest's tables.
    pub(crate) fn rows(
        &self,
        manifest: &Manifest,
        table: &DerivedTable,
    ) -> Result<RecordBatch, QueryError> {
        let path = self.path(manifest.files.get(table.name).map_or("", |file| &file.name));
        let damaged = |reason: String| QueryError::Damaged { path: path.clone(), reason };
        let file =
            File::open(&path).map_err(|source| QueryError::Read { path: path.clone(), source })?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .and_then(|builder| builder.build())
            .map_err(|error| damaged(error.to_string()))?;
        let batches = reader.collect::<Result<Vec<_>, _>>();
        batches
            .and_then(|batches| concat_batches(&table.schema(), &batches))
            .map_err(|error| damaged(error.to_string()))
    }

    /// Where the file called `name` is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes the rows of `table` as of a block.
    pub(crate) fn table_writer(
        &self,
        table: &DerivedTable,
        height: u64,
        hash: BlockHash,
    ) -> Result<TableWriter, QueryError> {
        let name = file_name(table.name, height, hash) + PARQUET_EXTENSION;
        TableWriter::create(&self.dir, name, table)
    }

    /// Makes `manifest`, whose tables are written, what the series is, with what the next run goes on from,
    /// if it needs anything. It gets the name of that file.
    pub(crate) fn commit(
        &self,
        mut manifest: Manifest,
        state: Option<impl FnOnce(&mut BufWriter<File>) -> io::Result<()>>,
    ) -> Result<Manifest, QueryError> {
        let before = self.manifest()?;
        if let Some(state) = state {
            let name = file_name("state", manifest.height, manifest.hash);
            write_file(&self.dir, &name, state)?;
            manifest.state = Some(name);
        }
        let text = serde_json::to_vec_pretty(&manifest).expect("names and numbers");
        write_file(&self.dir, MANIFEST_FILE, |file| file.write_all(&text))?;
        let kept = [Some(&manifest), before.as_ref()].into_iter().flatten();
        self.remove_all_but(&kept.flat_map(files).collect())?;
        Ok(manifest)
    }

    fn remove_all_but(&self, kept: &BTreeSet<&str>) -> Result<(), QueryError> {
        let entries = fs::read_dir(&self.dir).map_err(cannot_write(&self.dir))?;
        for entry in entries {
            let entry = entry.map_err(cannot_write(&self.dir))?;
            let name = entry.file_name();
            let is_kept = name.to_str().is_some_and(|name| kept.contains(name));
            if !is_kept && name != MANIFEST_FILE {
                fs::remove_file(entry.path()).map_err(cannot_write(&entry.path()))?;
            }
        }
        Ok(())
    }
}

/// The names of all files that `manifest` names.
fn files(manifest: &Manifest) -> impl Iterator<Item = &str> {
    manifest.files.values().map(|file| file.name.as_str()).chain(manifest.state.as_deref())
}

/// Opens a file of a series to be read from its start.
pub(crate) fn open(path: &Path) -> Result<BufReader<File>, QueryError> {
    match File::open(path) {
        Ok(file) => Ok(BufReader::with_capacity(BUFFER_BYTES, file)),
        Err(source) => Err(QueryError::Read { path: path.to_owned(), source }),
    }
}

/// The file of a table that is being written. It appears when it is finished.
pub(crate) struct TableWriter {
    dir: PathBuf,
    name: String,
    writer: ArrowWriter<BufWriter<File>>,
    rows: u64,
}

impl TableWriter {
    fn create(dir: &Path, name: String, table: &DerivedTable) -> Result<TableWriter, QueryError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let create = || -> io::Result<_> {
            let file = BufWriter::with_capacity(BUFFER_BYTES, create(dir, &name)?);
            Ok(ArrowWriter::try_new(file, table.schema(), Some(properties))?)
        };
        let writer = create().map_err(cannot_write(&dir.join(&name)))?;
        Ok(TableWriter { dir: dir.to_owned(), name, writer, rows: 0 })
    }

    /// Adds rows.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<(), QueryError> {
        self.rows += rows.num_rows() as u64;
        let written = self.writer.write(rows).map_err(io::Error::from);
        written.map_err(cannot_write(&self.dir.join(&self.name)))
    }

    /// Completes the file.
    pub(crate) fn finish(self) -> Result<DerivedFile, QueryError> {
        let TableWriter { dir, name, writer, rows } = self;
        let path = dir.join(&name);
        let finish = || -> io::Result<u64> {
            finish(&dir, &name, writer.into_inner()?)?;
            Ok(fs::metadata(&path)?.len())
        };
        let bytes = finish().map_err(cannot_write(&path))?;
        Ok(DerivedFile { name, rows, bytes })
    }
}

/// Writes the file `name` in the folder `dir`, which has its name only when it is complete.
pub(crate) fn write_file(
    dir: &Path,
    name: &str,
    content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), QueryError> {
    let write = || -> io::Result<()> {
        let mut file = BufWriter::with_capacity(BUFFER_BYTES, create(dir, name)?);
        content(&mut file)?;
        finish(dir, name, file)
    };
    write().map_err(cannot_write(&dir.join(name)))
}

/// Creates what will be the file `name`.
fn create(dir: &Path, name: &str) -> io::Result<File> {
    File::create(dir.join(format!(".{name}.part")))
}

/// Gives what [`create`] created its name.
fn finish(dir: &Path, name: &str, file: BufWriter<File>) -> io::Result<()> {
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(dir.join(format!(".{name}.part")), dir.join(name))?;
    File::open(dir)?.sync_all()
}

fn cannot_write(path: &Path) -> impl Fn(io::Error) -> QueryError {
    let path = path.to_owned();
    move |source| QueryError::Write { path: path.clone(), source }
}
