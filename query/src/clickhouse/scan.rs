//! Asks the server, and gives its rows to the engine.
//!
//! # Invariants
//!
//! * Rows come in the order in which the server sends them.
//! * What is in flight is a block of the server's: the next is received when this one is taken. A
//!   stream that is dropped ends the statement on the server.

use std::fmt;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use assay_clickhouse::conform;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics};
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, EmissionType, ReplaceChildrenOptions, SchedulingType,
};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, TryStreamExt, stream};

use super::remote::Request;
use crate::QueryError;

/// The leaf of a plan that a server carries out.
#[derive(Debug)]
pub(super) struct ServerScan {
    request: Arc<Request>,
    properties: Arc<PlanProperties>,
}

impl ServerScan {
    pub(super) fn new(request: Arc<Request>) -> ServerScan {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&request.schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        ServerScan { request, properties: Arc::new(properties) }
    }
}

impl DisplayAs for ServerScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClickHouse: {}", self.request.sql)
    }
}

impl ExecutionPlan for ServerScan {
    fn name(&self) -> &str {
        "ClickHouse"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let request = Arc::clone(&self.request);
        let schema = Arc::clone(&request.schema);
        let batches = stream::once(ask(request)).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }

    fn statistics_from_inputs(
        &self,
        _: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let unknown = Statistics::new_unknown(&self.request.schema);
        Ok(Arc::new(unknown.with_num_rows(self.request.rows)))
    }
}

/// Sends `request`; what comes back has the engine's names and types.
async fn ask(
    request: Arc<Request>,
) -> Result<impl futures::Stream<Item = Result<RecordBatch>> + Send> {
    for commit in &request.commits {
        commit.note_read();
    }
    let connection = &request.commits[0].logged.connection;
    let batches = connection.batches(&request.sql, "answer").await.map_err(failed)?;
    Ok(batches.map(move |rows| {
        let rows = conform(&rows.map_err(failed)?, &request.answer)?;
        renamed(rows, &request.schema)
    }))
}

fn failed(error: assay_clickhouse::Error) -> DataFusionError {
    QueryError::from(error).into()
}

fn renamed(rows: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    let columns = rows.columns().to_vec();
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
