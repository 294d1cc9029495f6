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
use datafusion::common::{Result, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;

use super::Segment;
use super::pruning::needed_segments;
use super::scan::ParquetScan;
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
            let mut partitioned = super::scan::file(path, file.bytes);
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
        let each: Vec<_> = files.iter().filter_map(|file| file.statistics.as_deref()).collect();
        let statistics = table_statistics(self.table, &each);

        let scan = ParquetScan {
            url: store_url(self.table.chain),
            schema: Arc::clone(&self.schema),
            files,
            statistics,
            order: self.key_order()?,
        };
        scan.plan(state, projection, limit)
    }
}
