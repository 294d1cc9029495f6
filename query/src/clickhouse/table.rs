//! A table on a server, as the catalog names it.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use assay_model::Table;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, project_schema};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::scan::ServerScan;
use super::server::Commit;
use super::translate::select::{Context, Select};
use crate::catalog::snapshot::{ChainSnapshot, Tip};

/// A table of a snapshot.
#[derive(Debug)]
pub(crate) struct ServedTable {
    pub(super) table: &'static Table,
    schema: SchemaRef,
    pub(super) commit: Arc<Commit>,
    first_height: u64,
    tip: Option<Tip>,
}

impl ServedTable {
    /// The rows of `table` that `chain` has, which are those of `commit`.
    pub(crate) fn new(
        table: &'static Table,
        chain: &ChainSnapshot,
        commit: &Arc<Commit>,
    ) -> ServedTable {
        ServedTable {
            table,
            schema: table.schema(),
            commit: Arc::clone(commit),
            first_height: chain.info.from,
            tip: chain.tip,
        }
    }

    /// The condition under which readers may see a row.
    pub(super) fn visible(&self) -> String {
        match self.tip {
            Some(tip) => format!("height BETWEEN {} AND {}", self.first_height, tip.height),
            None => "false".to_owned(),
        }
    }
}

/// Filters are not taken here: the planner sends them with all else that it can.
#[async_trait]
impl TableProvider for ServedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let context = Context::default();
        let select = Select::table(self, projection.map(Vec::as_slice), &context);
        let schema = project_schema(&self.schema, projection)?;
        Ok(Arc::new(ServerScan::new(Arc::new(select.request(schema, &context)))))
    }
}
