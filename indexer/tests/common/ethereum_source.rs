//! A source of files of Ethereum blocks, as tests use it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use assay_indexer::attempt::Attempt;
use assay_indexer::decode::Decode;
use assay_indexer::decode::ethereum::{Decoder, Genesis, Rules};
use assay_indexer::progress::Silent;
use assay_indexer::raw::ethereum::RawBlock;
use assay_indexer::source::ethereum_files::{EthereumFiles, EthereumFilesOptions, FileError};
use assay_indexer::source::{Source, SourceError};
use assay_model::Batch;
use assay_model::ethereum::Network;
use tempfile::TempDir;

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(future)
}

pub fn open(dir: &Path) -> Result<EthereumFiles, SourceError> {
    EthereumFiles::open(EthereumFilesOptions { dir: dir.to_owned() }, &Silent)
}

pub fn opened(dir: &Path) -> EthereumFiles {
    open(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()))
}

/// Why `dir` is refused.
pub fn refusal(dir: &Path) -> FileError {
    file_error(open(dir).expect_err("it is refused"))
}

pub fn file_error(error: SourceError) -> FileError {
    match error {
        SourceError::EthereumFile(error) => *error,
        other => panic!("another error: {other}"),
    }
}

/// All blocks of `source`, up to the first that cannot be had.
pub fn fetch(source: &EthereumFiles) -> Attempt<Vec<RawBlock>, SourceError> {
    block_on(async {
        let tip = source.tip().await.expect("a tip").expect("a block");
        source.fetch(source.first_height()..tip.height + 1).await
    })
}

pub fn fetch_all(source: &EthereumFiles) -> Vec<RawBlock> {
    let Attempt { done, failure } = fetch(source);
    if let Some(error) = failure {
        panic!("after {} blocks: {error}", done.len());
    }
    done
}

pub fn decoder(network: Network, genesis: Option<Arc<Genesis>>) -> Decoder {
    Decoder { rules: Arc::new(Rules::of(network)), genesis, with_traces: false }
}

pub fn decode(decoder: &Decoder, blocks: &[RawBlock]) -> Batch {
    decoder.decode(blocks).unwrap_or_else(|(_, error)| panic!("{error}: {}", error.fault))
}

pub fn table<'a>(batch: &'a Batch, name: &str) -> &'a RecordBatch {
    batch.tables().find(|(table, _)| table.name == name).map(|(_, rows)| rows).expect("a table")
}

pub fn text(rows: &RecordBatch, column: &str, row: usize) -> String {
    let column = rows.column_by_name(column).unwrap_or_else(|| panic!("column {column}"));
    arrow::util::display::array_value_to_string(column, row).expect("a value")
}

/// A folder with files in it.
pub fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let dir = TempDir::new().expect("a folder");
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).expect("written");
    }
    dir
}
