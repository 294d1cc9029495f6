//! How tables are laid out in Parquet, and the encoding of rows into column chunks.
//!
//! Chosen for columns of this kind: hashes have no order, so they get bloom filters instead of
//! minima and maxima; heights and times hardly change from row to row, so their differences are
//! kept; kinds of scripts are few, and accounts of Ethereum come back, so they get a dictionary.

use std::io::Write;
use std::sync::{Arc, OnceLock};

use arrow::record_batch::RecordBatch;
use assay_model::{Chain, ColumnType, Table};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, TypePtr};

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
/// Row groups of no more rows than this have filters made for so few, and are not compressed: at the
/// tip, blocks come one by one, and folding large filters and setting up a compressor for each column
/// would be most of the work.
const FEW_ROWS: u64 = 1 << 12;
/// Rows that are read at once, and so the size of the row groups that are made of them.
const READ_ROWS: usize = 1 << 16;
/// Share of absent values that a filter wrongly lets pass.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// The writer's properties for `table`, with filters of up to `bloom_values` distinct values and
/// `compression` of what is not random.
fn properties(table: &Table, bloom_values: u64, compression: Compression) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_created_by(format!("assay {}", env!("CARGO_PKG_VERSION")))
        .set_compression(compression)
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
                .set_column_bloom_filter_max_ndv(path.clone(), bloom_values);
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

/// The layouts of the tables of `chain`, in their order: worked out once.
pub(super) fn layouts(chain: Chain) -> &'static [Layout] {
    static BITCOIN: OnceLock<Vec<Layout>> = OnceLock::new();
    static ETHEREUM: OnceLock<Vec<Layout>> = OnceLock::new();
    let layouts = match chain {
        Chain::Bitcoin => &BITCOIN,
        Chain::Ethereum => &ETHEREUM,
    };
    let layout = |table: &&Table| {
        Layout::new(table).unwrap_or_else(|error| panic!("{}: {error}", table.full_name()))
    };
    layouts.get_or_init(|| chain.tables().iter().map(layout).collect())
}

/// How the files of one table are written.
pub(super) struct Layout {
    schema: TypePtr,
    properties: WriterPropertiesPtr,
    factory: ArrowRowGroupWriterFactory,
    /// The same for row groups of few rows.
    factory_for_few: ArrowRowGroupWriterFactory,
}

impl Layout {
    /// That of `table`.
    fn new(table: &Table) -> Result<Layout, ParquetError> {
        let writer = |bloom_values, compression| {
            let properties = properties(table, bloom_values, compression);
            ArrowWriter::try_new(Vec::new(), table.schema(), Some(properties))?
                .into_serialized_writer()
        };
        let zstd = Compression::ZSTD(ZstdLevel::try_new(1)?);
        let (file, factory) = writer(BLOOM_MAX_VALUES, zstd)?;
        let (_, factory_for_few) = writer(FEW_ROWS, Compression::UNCOMPRESSED)?;
        let schema = file.schema_descr().root_schema_ptr();
        Ok(Layout { schema, properties: Arc::clone(file.properties()), factory, factory_for_few })
    }

    /// A file written to `out`.
    pub fn file<W: Write + Send>(&self, out: W) -> Result<SerializedFileWriter<W>, ParquetError> {
        SerializedFileWriter::new(out, Arc::clone(&self.schema), Arc::clone(&self.properties))
    }

    /// Encodes and compresses `rows` as one row group.
    pub fn encode(&self, rows: &RecordBatch) -> Result<Vec<ArrowColumnChunk>, ParquetError> {
        let is_few = rows.num_rows() as u64 <= FEW_ROWS;
        let factory = if is_few { &self.factory_for_few } else { &self.factory };
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
}

/// Appends encoded columns to `file` as one row group.
pub(super) fn append<W: Write + Send>(
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

/// Reads the rows of `file`, a Parquet file of `table`: `columns` of them or all.
pub(super) fn read(
    file: Bytes,
    table: &Table,
    columns: Option<&[&str]>,
) -> Result<impl Iterator<Item = Result<RecordBatch, ParquetError>>, ParquetError> {
    let options = ArrowReaderOptions::new().with_schema(table.schema());
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)?;
    let mask = match columns {
        Some(columns) => ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied()),
        None => ProjectionMask::all(),
    };
    let reader = builder.with_projection(mask).with_batch_size(READ_ROWS).build()?;
    Ok(reader.map(|batch| batch.map_err(ParquetError::from)))
}
