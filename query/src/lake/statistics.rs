//! What is known of a table's file without opening it.

use assay_model::lake::FileInfo;
use assay_model::{Column, ColumnType, Table};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};

use super::Segment;

/// How many times larger rows are in memory than in their file: encodings and zstd undone. Only
/// plans depend on it, never results.
const MEMORY_BYTES_PER_FILE_BYTE: u64 = 3;

/// Statistics of the file of `table` in `segment`.
///
/// Row counts are exact, so counting needs no file. Bounds of `height` are exact where every block
/// has a row, so the first and the last height need none either. The other key columns get the
/// widest bounds that they can have, marked as inexact: with them the engine can see that files of
/// ascending heights are in the order of the whole key.
pub(super) fn file_statistics(table: &Table, segment: &Segment, file: FileInfo) -> Statistics {
    let columns = table.columns.iter().map(|column| column_statistics(table, column, segment));
    Statistics {
        num_rows: Precision::Exact(file.rows as usize),
        total_byte_size: Precision::Inexact((file.bytes * MEMORY_BYTES_PER_FILE_BYTE) as usize),
        column_statistics: columns.collect(),
    }
}

fn column_statistics(table: &Table, column: &Column, segment: &Segment) -> ColumnStatistics {
    let mut statistics = ColumnStatistics::new_unknown();
    if !column.nullable {
        statistics.null_count = Precision::Exact(0);
    }
    if column.name == "height" {
        let height = |height: u64| ScalarValue::Int64(Some(height as i64));
        let first = height(segment.heights.start);
        let last = height(segment.heights.end - 1);
        // A block without any input has no row in `inputs`.
        let exact = table.name != "inputs";
        let bound = |value| if exact { Precision::Exact(value) } else { Precision::Inexact(value) };
        statistics.min_value = bound(first);
        statistics.max_value = bound(last);
    } else if table.key.contains(&column.name) && column.kind == ColumnType::Int32 {
        statistics.min_value = Precision::Inexact(ScalarValue::Int32(Some(0)));
        statistics.max_value = Precision::Inexact(ScalarValue::Int32(Some(i32::MAX)));
    }
    statistics
}

/// Statistics of files together.
pub(super) fn table_statistics(table: &Table, files: &[&Statistics]) -> Statistics {
    let schema = table.schema();
    Statistics::try_merge_iter(files.iter().copied(), &schema)
        .unwrap_or_else(|_| Statistics::new_unknown(&schema))
}
