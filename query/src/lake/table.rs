//! A stored table as DataFusion scans it: the Parquet files of a snapshot's segments.
//!
//! # Invariants
//!
//! * The schema is the model's, whatever the engine would prefer to read.
//! * Every partition of a scan reads consecutive segments, so its rows come in the order of the
//!   table's key, and the scan says so.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use assay_model::lake::table_file;
use assay_model::{Chain, Table};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, Statistics, project_schema};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use object_store::ObjectMeta;
use object_store::path::Path;

use super::Segment;
use super::pruning::needed_segments;
use super::statistics::{file_statistics, table_statistics};
use crate::catalog::snapshot::{Rows, Snapshot};

/// A table of a snapshot.
#[derive(Debug)]
pub(crate) struct StoredTable {
    table: &'static Table,
    schema: SchemaRef,
    snapshot: Arc<Snapshot>,
}

/// Where the engine finds the files of `chain`.
pub(crate) fn store_url(chain: Chain) -> ObjectStoreUrl {
    ObjectStoreUrl::parse(format!("lake://{chain}")).expect("a chain's name is a host name")
}

impl StoredTable {
    pub(crate) fn new(table: &'static Table, snapshot: Arc<Snapshot>) -> StoredTable {
        StoredTable { table, schema: table.schema(), snapshot }
    }

    fn segments(&self) -> &[Arc<Segment>] {
        match self.snapshot.chain(self.table.chain).map(|chain| &chain.rows) {
            Some(Rows::Lake(lake)) => &lake.segments,
            Some(Rows::ClickHouse(_)) | None => &[],
        }
    }

    /// The files of `segments` that have rows, each with its statistics.
    fn files(&self, segments: &[Arc<Segment>]) -> Result<Vec<PartitionedFile>> {
        let mut files = Vec::with_capacity(segments.len());
        for segment in segments {
            let file = segment.file(self.table.name)?;
            if file.rows == 0 {
                continue;
            }
            let path = format!("{}/{}", segment.name, table_file(self.table.name));
            // Files never change under their names, so the cache of Parquet footers need not look.
            let mut partitioned = PartitionedFile::new_from_meta(ObjectMeta {
                location: Path::from(path),
                last_modified: Default::default(),
                size: file.bytes,
                e_tag: None,
                version: None,
            });
            partitioned.statistics = Some(Arc::new(file_statistics(self.table, segment, file)));
            files.push(partitioned);
        }
        Ok(files)
    }

    /// The order of the table's key.
    fn key_order(&self) -> Result<Vec<LexOrdering>> {
        let columns =
            self.table.key.iter().map(|name| {
                Ok(PhysicalSortExpr::new(col(name, &self.schema)?, Default::default()))
            });
        Ok(LexOrdering::new(columns.collect::<Result<Vec<_>>>()?).into_iter().collect())
    }
}

/// Cuts `files` into at most `count` runs of about the same size.
fn into_runs(files: Vec<PartitionedFile>, count: usize) -> Vec<FileGroup> {
    let total: u64 = files.iter().map(|file| file.object_meta.size).sum();
    let mut runs: Vec<Vec<PartitionedFile>> = Vec::new();
    let mut before = 0;
    for file in files {
        let run = (u128::from(before) * count as u128 / u128::from(total.max(1))) as usize;
        before += file.object_meta.size;
        if runs.len() <= run || runs.is_empty() {
            runs.push(Vec::new());
        }
        runs.last_mut().expect("one was pushed if there was none").push(file);
    }
    runs.into_iter().map(FileGroup::new).collect()
}

#[async_trait]
impl TableProvider for StoredTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn statistics(&self) -> Option<Statistics> {
        let files = self.files(self.segments()).ok()?;
        let each: Vec<_> = files.iter().filter_map(|file| file.statistics.as_deref()).collect();
        Some(table_statistics(self.table, &each))
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        // Inexact: the filter stays in the plan until the physical optimizer moves it into the
        // Parquet reader, and here it only chooses segments.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let segments = needed_segments(self.segments(), &self.schema, filters, state)?;
        let files = self.files(&segments)?;
        if files.is_empty() {
            let schema = project_schema(&self.schema, projection)?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let each: Vec<_> = files.iter().filter_map(|file| file.statistics.as_deref()).collect();
        let statistics = table_statistics(self.table, &each);

        let url = store_url(self.table.chain);
        let runtime = state.runtime_env();
        let reader = CachedParquetFileReaderFactory::new(
            runtime.object_store(&url)?,
            runtime.cache_manager.get_file_metadata_cache(),
        );
        let options = state.default_table_options().parquet;
        let source = ParquetSource::new(Arc::clone(&self.schema))
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(reader));
        let runs = into_runs(files, state.config().target_partitions());
        let config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(runs)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_output_ordering(self.key_order()?)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(files: &[u64], count: usize) -> Vec<Vec<u64>> {
        let files = files.iter().map(|size| PartitionedFile::new("f", *size)).collect();
        into_runs(files, count)
            .iter()
            .map(|run| run.iter().map(|file| file.object_meta.size).collect())
            .collect()
    }

    #[test]
    fn runs_keep_the_order_and_share_the_bytes() {
        assert_eq!(sizes(&[1, 2, 3, 4, 5, 6], 2), [vec![1, 2, 3, 4, 5], vec![6]]);
        assert_eq!(sizes(&[5, 5, 5, 5], 2), [vec![5, 5], vec![5, 5]]);
        assert_eq!(sizes(&[9, 1, 1], 3), [vec![9], vec![1], vec![1]]);
        assert_eq!(sizes(&[0, 0], 4), [vec![0, 0]]);
        assert_eq!(sizes(&[7], 4), [vec![7]]);
    }
}
