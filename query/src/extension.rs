//! What a server adds to what statements can name.

use std::sync::Arc;

use datafusion::catalog::{SchemaProvider, TableFunction};
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::ScalarUDF;
use datafusion::logical_expr::planner::TypePlanner;

/// Names beyond those of the store, such as PostgreSQL's own catalog, which its clients ask.
#[derive(Clone, Debug, Default)]
pub struct Extension {
    /// Schemas with their names. One that the catalog has already is asked for what that lacks.
    pub schemas: Vec<(&'static str, Arc<dyn SchemaProvider>)>,
    /// Functions of values.
    pub scalars: Vec<Arc<ScalarUDF>>,
    /// Functions of rows.
    pub tables: Vec<Arc<TableFunction>>,
    /// What knows types that SQL has not.
    pub types: Option<Arc<dyn TypePlanner>>,
}

impl Extension {
    /// The schema called `name`.
    pub(crate) fn schema(&self, name: &str) -> Option<&Arc<dyn SchemaProvider>> {
        self.schemas.iter().find(|(known, _)| *known == name).map(|(_, schema)| schema)
    }

    /// Adds functions and types to `state`, where it has none of the same name.
    pub(crate) fn extend(&self, mut state: SessionState) -> Result<SessionState> {
        for function in &self.scalars {
            if state.udf(function.name()).is_err() {
                state.register_udf(Arc::clone(function))?;
            }
        }
        for function in &self.tables {
            state.register_udtf(function.name(), Arc::clone(function.function()));
        }
        Ok(match &self.types {
            Some(types) => SessionStateBuilder::new_from_existing(state)
                .with_type_planner(Arc::clone(types))
                .build(),
            None => state,
        })
    }
}
