//! Runs into a lake on disk, and what is visible in it afterwards.
#![allow(dead_code, reason = "each test file uses its part")]

use std::error::Error;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Int64Type;
use assay_indexer::decode::bitcoin::Decoder;
use assay_indexer::pipeline::{Options, Pipeline, Prevouts, Summary};
use assay_indexer::progress::{Progress, Silent};
use assay_indexer::sink::Wanted;
use assay_indexer::sink::lake::{LakeSink, LocalDisk};
use assay_indexer::sink::{Cuts, Sink};
use assay_indexer::source::block_files::{BlockFiles, BlockFilesOptions};
use assay_indexer::stop::Stop;
use assay_model::lake::{Extra, MANIFEST_FILE, Manifest, SEGMENT_FILE, SegmentInfo, table_file};
use assay_model::{Chain, Network};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

/// How a run is made: in batches and segments small enough for small chains to have many.
#[derive(Clone, Debug)]
pub struct Run {
    pub threads: usize,
    pub last: Option<u64>,
    pub max_reorg: u64,
    pub cuts: Cuts,
    pub network: Option<Network>,
    pub ignore_undo: bool,
    pub with_scripts: bool,
}

impl Default for Run {
    fn default() -> Run {
        Run {
            threads: 2,
            last: None,
            max_reorg: 100,
            cuts: Cuts { batch_bytes: 15_000, segment_bytes: 45_000 },
            network: None,
            ignore_undo: false,
            with_scripts: true,
        }
    }
}

/// Rows of all tables, in the order of [`Chain::tables`].
pub type Tables = Vec<RecordBatch>;

/// A lake in a folder of its own, or in one that outlives the value.
pub struct Lake {
    path: PathBuf,
    _own: Option<TempDir>,
}

impl Lake {
    pub fn new() -> Lake {
        let own = tempfile::tempdir().expect("a folder");
        Lake { path: own.path().to_owned(), _own: Some(own) }
    }

    pub fn at(path: &Path) -> Lake {
        Lake { path: path.to_owned(), _own: None }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The chain's folder in the lake.
    pub fn chain_dir(&self) -> PathBuf {
        self.path.join(Chain::Bitcoin.name())
    }

    /// Indexes the folder `blocks`; the text of an error has all its causes.
    pub fn index(&self, blocks: &Path, run: &Run) -> Result<Summary, String> {
        self.index_with(blocks, run, Arc::new(Silent), Stop::never())
    }

    /// Indexes until `stop` is asked for, telling `progress`.
    pub fn index_with(
        &self,
        blocks: &Path,
        run: &Run,
        progress: Arc<dyn Progress>,
        stop: Stop,
    ) -> Result<Summary, String> {
        let options = BlockFilesOptions {
            dir: blocks.to_owned(),
            network: run.network,
            ignore_undo: run.ignore_undo,
            threads: run.threads,
        };
        let source = Arc::new(BlockFiles::open(options, &*progress).map_err(text)?);
        let network = source.network();
        let wanted = wanted(network, run.with_scripts);
        let sink = LakeSink::open_on(Arc::new(LocalDisk), &self.path, &wanted, run.cuts);
        let sink = Arc::new(sink.map_err(text)?);
        let decoder = Decoder { network, with_scripts: run.with_scripts };
        let options =
            Options { last: run.last, max_reorg: run.max_reorg, ..Options::new(run.threads) };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .expect("a runtime");
        let utxo_dir = self.path.join("utxo");
        let prevouts = Prevouts::new(Arc::clone(&source), utxo_dir, Arc::clone(&progress));
        let completer = Arc::new(prevouts.into());
        let pipeline = Pipeline { source, completer, decoder, sink, options, progress, stop };
        let summary = runtime.block_on(pipeline.run()).map_err(text)?;
        pipeline.source.check_linked().map_err(text)?;
        Ok(summary)
    }

    /// Merges all segments that one run would not have made.
    pub fn compact(&self, run: &Run, network: Network) {
        let wanted = wanted(network, run.with_scripts);
        let sink = LakeSink::open_on(Arc::new(LocalDisk), &self.path, &wanted, run.cuts);
        let sink = sink.expect("a lake");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(sink.compact(1)).expect("merged");
    }

    /// Every file of every segment: its name within the chain's folder, and its bytes.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let (manifest, _) = self.manifest();
        let mut files = Vec::new();
        for segment in manifest.segments {
            let names = Chain::Bitcoin.tables().iter().map(|table| table_file(table.name));
            for name in names.chain([SEGMENT_FILE.to_owned()]) {
                let path = self.chain_dir().join(&segment).join(&name);
                let bytes = std::fs::read(path).expect("a visible segment is complete");
                files.push((format!("{segment}/{name}"), bytes));
            }
        }
        files
    }

    /// What the manifest says, and the heights of its segments.
    pub fn manifest(&self) -> (Manifest, Vec<Range<u64>>) {
        match std::fs::read(self.chain_dir().join(MANIFEST_FILE)) {
            Ok(text) => Manifest::read(&text, 0).expect("a manifest"),
            Err(_) => (Manifest::default(), Vec::new()),
        }
    }

    /// The folders of all segments.
    pub fn segments(&self) -> Vec<PathBuf> {
        let (manifest, _) = self.manifest();
        manifest.segments.iter().map(|name| self.chain_dir().join(name)).collect()
    }

    /// The height after the last that is visible.
    pub fn next_height(&self) -> u64 {
        self.manifest().1.last().map_or(0, |heights| heights.end)
    }

    /// Every visible row, after checking that each segment holds what it says, that there is no
    /// gap, and that blocks are linked.
    pub fn rows(&self) -> Tables {
        let (_, heights) = self.manifest();
        let segments: Vec<_> = self.segments().into_iter().zip(heights).collect();
        let tables: Tables = Chain::Bitcoin
            .tables()
            .iter()
            .map(|table| {
                let parts: Vec<RecordBatch> = segments
                    .iter()
                    .flat_map(|(dir, heights)| segment_rows(dir, heights, table.name))
                    .collect();
                concat_batches(&table.schema(), &parts).expect("one schema")
            })
            .collect();
        check_links(&tables[0], self.next_height());
        tables
    }
}

fn segment_rows(dir: &Path, heights: &Range<u64>, table: &str) -> Vec<RecordBatch> {
    let info = std::fs::read(dir.join(SEGMENT_FILE)).expect("a visible segment is complete");
    let info: SegmentInfo = serde_json::from_slice(&info).expect("JSON");
    assert_eq!(info.heights(), *heights);
    let path = dir.join(table_file(table));
    let file = std::fs::File::open(&path).expect("a visible segment is complete");
    assert_eq!(file.metadata().expect("a file").len(), info.tables[table].bytes);
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
    let parts: Result<Vec<_>, _> = reader.build().expect("a Parquet file").collect();
    let parts = parts.expect("a Parquet file");
    let rows: usize = parts.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows as u64, info.tables[table].rows);
    for rows in &parts {
        let fits = |&height: &i64| heights.contains(&(height as u64));
        assert!(self::heights(rows).iter().all(fits), "rows of other heights");
    }
    parts
}

fn heights(rows: &RecordBatch) -> &[i64] {
    rows.column_by_name("height").expect("a height").as_primitive::<Int64Type>().values()
}

fn check_links(blocks: &RecordBatch, next: u64) {
    assert!(heights(blocks).iter().copied().eq(0..next as i64), "one row a block");
    let column = |name| blocks.column_by_name(name).expect("a column").as_binary::<i32>();
    let (hashes, parents) = (column("hash"), column("parent_hash"));
    for row in 1..blocks.num_rows() {
        assert_eq!(parents.value(row), hashes.value(row - 1), "parent at height {row}");
    }
}

/// Those of `tables` below height `next`.
pub fn below(tables: &Tables, next: u64) -> Tables {
    let cut = |rows: &RecordBatch| {
        rows.slice(0, heights(rows).partition_point(|&height| (height as u64) < next))
    };
    tables.iter().map(cut).collect()
}

/// That two lakes have equal rows; says in which table and at which height they part.
pub fn assert_same(found: &Tables, expected: &Tables) {
    for ((found, expected), table) in found.iter().zip(expected).zip(Chain::Bitcoin.tables()) {
        if found == expected {
            continue;
        }
        let both = 0..found.num_rows().min(expected.num_rows());
        let row = both.clone().find(|&row| found.slice(row, 1) != expected.slice(row, 1));
        match row {
            Some(row) => panic!(
                "{} part at row {row}, height {}:\n{:?}\n{:?}",
                table.name,
                heights(found)[row],
                found.slice(row, 1).columns(),
                expected.slice(row, 1).columns()
            ),
            None => panic!(
                "{}: {} rows instead of {}",
                table.name,
                found.num_rows(),
                expected.num_rows()
            ),
        }
    }
}

/// That two lakes have the same files, byte for byte.
pub fn assert_same_files(found: &Lake, expected: &Lake) {
    let names = |lake: &Lake| lake.files().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(found), names(expected));
    for ((name, found), (_, expected)) in found.files().iter().zip(&expected.files()) {
        assert!(found == expected, "{name} differs");
    }
}

/// The rows that a run over `blocks` gives which nothing disturbs.
pub fn fresh_rows(blocks: &Path) -> Tables {
    let lake = Lake::new();
    lake.index(blocks, &Run::default()).expect("a good folder");
    lake.rows()
}

/// The message of an error and of all its causes.
pub fn text(error: impl Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!("; because: {error}"));
        cause = error.source();
    }
    text
}

/// That `text` has each of `words`.
pub fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "'{word}' is not in: {text}");
    }
}

/// A lake of `network`.
pub fn wanted(network: Network, with_scripts: bool) -> Wanted {
    let extras = with_scripts.then_some(Extra::Scripts).into_iter().collect();
    Wanted { chain: Chain::Bitcoin, network: network.to_string(), from: None, extras }
}
