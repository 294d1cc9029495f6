//! A part of a statement that a server carries out, in the engine's plans.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};

use super::server::Commit;

/// What is sent to the server, and what comes back.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) sql: String,
    /// The columns of the answer, under the names that they have in `sql`.
    pub(super) answer: SchemaRef,
    /// The same columns as the engine names them.
    pub(super) schema: SchemaRef,
    /// How many rows come, as far as is known.
    pub(super) rows: Precision<usize>,
    /// The chains that are read, as they are to be; never none.
    pub(super) commits: Vec<Arc<Commit>>,
}

/// The part.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) request: Arc<Request>,
    pub(super) schema: DFSchemaRef,
}

impl PartialEq for Remote {
    fn eq(&self, other: &Remote) -> bool {
        self.request.sql == other.request.sql && self.schema == other.schema
    }
}

impl Eq for Remote {}

impl PartialOrd for Remote {
    fn partial_cmp(&self, other: &Remote) -> Option<Ordering> {
        self.request.sql.partial_cmp(&other.request.sql)
    }
}

impl Hash for Remote {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.request.sql.hash(state);
    }
}

impl UserDefinedLogicalNodeCore for Remote {
    fn name(&self) -> &str {
        "ClickHouse"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        Vec::new()
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClickHouse: {}", self.request.sql)
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, _: Vec<LogicalPlan>) -> Result<Remote> {
        Ok(Remote { request: Arc::clone(&self.request), schema: Arc::clone(&self.schema) })
    }
}
