//! What the tests of whole runs share: a sink in memory, and a way to index a folder into it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{ArrowPrimitiveType, Int32Type, Int64Type};
use assay_indexer::decode::bitcoin::Decoder;
use assay_indexer::pipeline::{Options, Pipeline, PipelineError, Prevouts, Summary};
use assay_indexer::progress::Silent;
use assay_indexer::raw::bitcoin::RawBlock;
use assay_indexer::sink::{Cuts, Sink, SinkError};
use assay_indexer::source::block_files::{BlockFiles, BlockFilesOptions};
use assay_indexer::source::{Source, SourceError};
use assay_indexer::stop::Stop;
use assay_model::lake::{Finality, LakeInfo, RunInfo, SCHEMA_VERSION};
use assay_model::{Batch, BlockRef, Chain, hex};
use async_trait::async_trait;

/// Rows in memory, visible at once.
pub struct MemorySink {
    info: LakeInfo,
    batches: Mutex<Vec<Batch>>,
}

impl Default for MemorySink {
    fn default() -> MemorySink {
        let (schema_version, network) = (SCHEMA_VERSION, "regtest".to_owned());
        let info = LakeInfo { schema_version, network, from: 0, extras: BTreeSet::new() };
        MemorySink { info, batches: Mutex::default() }
    }
}

impl MemorySink {
    /// All rows of the table called `name`.
    pub fn rows(&self, name: &str) -> Rows {
        let table =
            Chain::Bitcoin.tables().iter().find(|table| table.name == name).expect("a table");
        let batches = self.batches.lock().expect("no test panics with the lock");
        let rows: Vec<RecordBatch> = batches
            .iter()
            .flat_map(Batch::tables)
            .filter(|(of, _)| of.name == name)
            .map(|(_, rows)| rows.clone())
            .collect();
        Rows(concat_batches(&table.schema(), &rows).expect("one schema"))
    }

    /// What was committed.
    pub fn batches(&self) -> Vec<Batch> {
        self.batches.lock().expect("no test panics with the lock").clone()
    }

    fn blocks(&self) -> Vec<BlockRef> {
        let rows = self.rows("blocks");
        (0..rows.0.num_rows())
            .map(|row| BlockRef {
                height: rows.int("height", row) as u64,
                hash: rows.hex("hash", row).parse().expect("a hash"),
                parent: rows.hex("parent_hash", row).parse().expect("a hash"),
            })
            .collect()
    }
}

#[async_trait]
impl Sink for MemorySink {
    type Encoded = Batch;

    fn info(&self) -> &LakeInfo {
        &self.info
    }

    fn cuts(&self) -> Cuts {
        Cuts::of(Chain::Bitcoin)
    }

    async fn block_bytes(&self) -> Result<u64, SinkError> {
        let batches = self.batches.lock().expect("no test panics with the lock");
        Ok(batches.iter().map(|batch| batch.block_bytes).sum())
    }

    async fn watermark(&self) -> Result<Option<BlockRef>, SinkError> {
        Ok(self.blocks().last().copied())
    }

    async fn blocks_up_to(&self, last: u64, count: u64) -> Result<Vec<BlockRef>, SinkError> {
        let heights = (last + 1).saturating_sub(count)..=last;
        Ok(self.blocks().into_iter().filter(|block| heights.contains(&block.height)).collect())
    }

    fn encode(&self, batch: &Batch) -> Result<Batch, SinkError> {
        Ok(batch.clone())
    }

    async fn commit(&self, batch: Batch) -> Result<(), SinkError> {
        self.batches.lock().expect("no test panics with the lock").push(batch);
        Ok(())
    }

    async fn flush(&self) -> Result<(), SinkError> {
        Ok(())
    }

    async fn revert(&self, _: BlockRef, _: &[BlockRef]) -> Result<(), SinkError> {
        unimplemented_in_memory()
    }

    async fn settle(&self, _: Finality) -> Result<(), SinkError> {
        Ok(())
    }

    async fn finality(&self) -> Result<Finality, SinkError> {
        Ok(Finality::default())
    }

    async fn compact(&self, _: usize) -> Result<(), SinkError> {
        Ok(())
    }

    async fn record_run(&self, _: &RunInfo) -> Result<(), SinkError> {
        Ok(())
    }
}

fn unimplemented_in_memory() -> ! {
    panic!("reorganisations are tested on the lake")
}

/// Rows of a table, read by column name.
pub struct Rows(pub RecordBatch);

impl Rows {
    pub fn len(&self) -> usize {
        self.0.num_rows()
    }

    fn primitive<T: ArrowPrimitiveType>(&self, column: &str, row: usize) -> Option<T::Native> {
        let column = self.0.column_by_name(column).unwrap_or_else(|| panic!("column {column}"));
        column.as_primitive_opt::<T>().map(|values| values.value(row))
    }

    /// A whole number of either width; times in seconds.
    pub fn int(&self, column: &str, row: usize) -> i64 {
        use arrow::datatypes::TimestampMicrosecondType as Micros;
        self.primitive::<Int64Type>(column, row)
            .or_else(|| self.primitive::<Int32Type>(column, row).map(i64::from))
            .or_else(|| self.primitive::<Micros>(column, row).map(|micros| micros / 1_000_000))
            .unwrap_or_else(|| panic!("{column} is no number"))
    }

    pub fn float(&self, column: &str, row: usize) -> f64 {
        self.primitive::<arrow::datatypes::Float64Type>(column, row).expect("a float")
    }

    pub fn bool(&self, column: &str, row: usize) -> bool {
        self.0.column_by_name(column).expect("a column").as_boolean().value(row)
    }

    pub fn hex(&self, column: &str, row: usize) -> String {
        hex::encode(self.0.column_by_name(column).expect("a column").as_binary::<i32>().value(row))
    }

    pub fn text(&self, column: &str, row: usize) -> Option<String> {
        let column = self.0.column_by_name(column).expect("a column");
        column.is_valid(row).then(|| column.as_string::<i32>().value(row).to_owned())
    }

    /// All values of a column of whole numbers.
    pub fn ints(&self, column: &str) -> Vec<i64> {
        (0..self.len()).map(|row| self.int(column, row)).collect()
    }
}

/// The folder `dir` as a source.
pub fn open(dir: &Path, ignore_undo: bool) -> Result<BlockFiles, SourceError> {
    let dir = dir.to_owned();
    let options = BlockFilesOptions { dir, network: None, ignore_undo, threads: 2 };
    BlockFiles::open(options, &Silent)
}

/// Runs `source` into `sink`.
pub fn run<K: Sink + 'static>(
    source: BlockFiles,
    sink: &Arc<K>,
    with_scripts: bool,
    scratch: &Path,
) -> Result<Summary, PipelineError> {
    let decoder = Decoder { network: source.network(), with_scripts };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    runtime.block_on(run_here(source, decoder, sink, scratch))
}

/// Runs `source` into `sink`, on the runtime that it is called on.
pub async fn run_here<S: Source<Block = RawBlock> + 'static, K: Sink + 'static>(
    source: S,
    decoder: Decoder,
    sink: &Arc<K>,
    scratch: &Path,
) -> Result<Summary, PipelineError> {
    let source = Arc::new(source);
    let prevouts = Prevouts::new(Arc::clone(&source), scratch.join("utxo"), Arc::new(Silent));
    let pipeline = Pipeline {
        source,
        completer: Arc::new(prevouts.into()),
        decoder,
        sink: Arc::clone(sink),
        options: Options::new(2),
        progress: Arc::new(Silent),
        stop: Stop::never(),
    };
    pipeline.run().await
}

/// Indexes the folder `dir` into memory, with undo data or from the store of unspent outputs.
pub fn index(dir: &Path, ignore_undo: bool) -> Arc<MemorySink> {
    let sink = Arc::new(MemorySink::default());
    let scratch = tempfile::tempdir().expect("a directory");
    let source = open(dir, ignore_undo).expect("a folder of block files");
    run(source, &sink, true, scratch.path()).expect("a valid chain");
    sink
}
