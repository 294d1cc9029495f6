//! A table of which there is but the name and the columns.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

/// A name in a list.
#[derive(Debug)]
pub(super) struct Listed {
    schema: SchemaRef,
    kind: TableType,
}

impl Listed {
    pub(super) fn new(fields: Vec<Field>, kind: TableType) -> Arc<Listed> {
        Arc::new(Listed { schema: Arc::new(Schema::new(fields)), kind })
    }
}

#[async_trait]
impl TableProvider for Listed {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        self.kind
    }

    async fn scan(
        &self,
        _: &dyn Session,
        _: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(EmptyExec::new(self.schema())))
    }
}
