//! How tables are laid out in Parquet, and the encoding of rows into column chunks.
//!
//! Chosen for columns of this kind: hashes have no order, so they get bloom filters instead of
//! minima and maxima; heights and times hardly change from row to row, so their differences are
//! kept; kinds of scripts are few, and accounts of Ethereum come back, so they get a dictionary.

use arrow::record_batch::RecordBatch;
use assay_model::{ColumnType, Table};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

/// Columns that people look single values up by.
const BLOOM_COLUMNS: [&str; 8] =
    ["hash", "txid", "tx_hash", "spent_txid", "address", "from_address", "to_address", "token"];
/// Columns whose values come back again and again. Where a row group has too many for a dictionary,
/// the library goes on without.
const DICTIONARY_COLUMNS: [&str; 11] = [
    "script_type",
    "kind",
    "call_kind",
    "error",
    "standard",
    "miner",
    "token",
    "operator",
    "from_address",
    "to_address",
    "topic0",
];
/// Columns whose values are random and hardly ever repeat: there is nothing to compress.
const RANDOM_COLUMNS: [(&str, &str); 3] =
    [("transactions", "txid"), ("transactions", "wtxid"), ("inputs", "spent_txid")];
/// Most distinct values that a row group's filter is made for; it is folded down to what there is.
const BLOOM_MAX_VALUES: u64 = 1 << 17;
/// Rows that are read at once, and so the size of the row groups that are made of them.
const READ_ROWS: usize = 1 << 16;
/// Share of absent values that a filter wrongly lets pass.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// The writer's properties for `table`.
pub(super) fn properties(table: &Table) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_created_by(format!("assay {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).expect("1 is a level of zstd")))
        .set_dictionary_enabled(false)
        .set_max_row_group_row_count(None);
    for column in table.columns {
        let path = ColumnPath::from(column.name);
        if RANDOM_COLUMNS.contains(&(table.name, column.name)) {
            properties = properties.set_column_compression(path.clone(), Compression::UNCOMPRESSED);
        }
        if BLOOM_COLUMNS.contains(&column.name) {
            properties = properties
                .set_column_bloom_filter_enabled(path.clone(), true)
                .set_column_bloom_filter_fpp(path.clone(), BLOOM_FALSE_POSITIVES)
                .set_column_bloom_filter_max_ndv(path.clone(), BLOOM_MAX_VALUES);
        }
        let is_text = matches!(column.kind, ColumnType::Bytes | ColumnType::Hex | ColumnType::Text);
        if is_text && !DICTIONARY_COLUMNS.contains(&column.name) {
            properties = properties
                .set_column_encoding(path.clone(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
                .set_column_statistics_enabled(path, EnabledStatistics::None);
        } else if is_text {
            properties = properties.set_column_dictionary_enabled(path, true);
        } else if matches!(column.kind, ColumnType::Int32 | ColumnType::Int64 | ColumnType::Time) {
            properties = properties.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    properties.build()
}

/// A Parquet file of `table` being written to `out`, and the factory for its columns.
pub(super) fn file_writer<W: std::io::Write + Send>(
    table: &Table,
    out: W,
) -> Result<(SerializedFileWriter<W>, ArrowRowGroupWriterFactory), ParquetError> {
    ArrowWriter::try_new(out, table.schema(), Some(properties(table)))?.into_serialized_writer()
}

/// Encodes and compresses `rows` as one row group.
pub(super) fn encode(
    factory: &ArrowRowGroupWriterFactory,
    rows: &RecordBatch,
) -> Result<Vec<ArrowColumnChunk>, ParquetError> {
    // The number of the row group matters to encrypted files only.
    let mut writers = factory.create_column_writers(0)?.into_iter();
    let mut chunks = Vec::with_capacity(writers.len());
    for (field, column) in rows.schema_ref().fields().iter().zip(rows.columns()) {
        for leaf in compute_leaves(field, column)? {
            let mut writer = writers.next().expect("one writer for each leaf of the schema");
            writer.write(&leaf)?;
            chunks.push(writer.close()?);
        }
    }
    Ok(chunks)
}

/// Appends encoded columns to `file` as one row group.
pub(super) fn append<W: std::io::Write + Send>(
    file: &mut SerializedFileWriter<W>,
    chunks: Vec<ArrowColumnChunk>,
) -> Result<(), ParquetError> {
    let mut row_group = file.next_row_group()?;
    for chunk in chunks {
        chunk.append_to_row_group(&mut row_group)?;
    }
    row_group.close()?;
    Ok(())
}

/// Reads the rows of the Parquet file `file`, `columns` of them or all.
pub(super) fn read(
    file: Bytes,
    columns: Option<&[&str]>,
) -> Result<impl Iterator<Item = Result<RecordBatch, ParquetError>>, ParquetError> {
    use parquet::arrow::ProjectionMask;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let mask = match columns {
        Some(columns) => ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied()),
        None => ProjectionMask::all(),
    };
    let reader = builder.with_projection(mask).with_batch_size(READ_ROWS).build()?;
    Ok(reader.map(|batch| batch.map_err(ParquetError::from)))
}
