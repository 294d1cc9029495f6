//! PostgreSQL's own catalog, made of ours: what its clients ask to draw trees of schemas, tables and columns.
//!
//! The crate `datafusion-pg-catalog` makes it of any catalog of the engine. Here that is a list of names: the
//! catalog describes what can be asked, and reads no rows.
//!
//! # Invariants
//!
//! * Numbers of tables stay the same while the server runs: clients join by them, over several statements.

mod comments;
mod current_setting;
mod functions;
mod listed;
mod overlay;

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;
use assay_query::{Extension, Kind, described_schemas, described_tables};
use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider, TableFunction,
};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ScalarUDF, TableType};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_pg_catalog::pg_catalog::oid_type_planner::PgOidTypePlanner;
use datafusion_pg_catalog::setup_pg_catalog;

use self::comments::Comments;
use self::listed::Listed;
use self::overlay::Overlay;
use crate::ServeError;
use crate::audit::AuditTable;

/// The one database.
pub(super) const DATABASE: &str = "assay";
const SCHEMA: &str = "pg_catalog";
/// The schema of names without one.
const DEFAULT_SCHEMA: &str = "public";
/// Functions of rows that are its own, or take more types of numbers than the engine's.
const TABLE_FUNCTIONS: [&str; 3] = ["pg_get_keywords", "generate_series", "range"];

/// The catalog, and the functions that are asked with it.
pub(crate) async fn extension() -> Result<Extension, ServeError> {
    let scratch = scratch().map_err(ServeError::from)?;
    let comments = Arc::new(Comments::read(&scratch).await?);
    let state = scratch.state();
    let plain = SessionContext::new().state();
    let mut scalars: Vec<_> = functions::all(&comments).into_iter().map(Arc::new).collect();
    for (name, function) in state.scalar_functions() {
        let is_own = scalars.iter().any(|own: &Arc<ScalarUDF>| own.name() == name.as_str());
        if !plain.scalar_functions().contains_key(name) && !is_own {
            scalars.push(Arc::clone(function));
        }
    }
    let tables = TABLE_FUNCTIONS.into_iter().filter_map(|name| {
        let function = state.table_functions().get(name)?;
        let function = Arc::clone(function.function());
        Some(Arc::new(TableFunction::new(name.to_owned(), function)))
    });
    let schema = catalog(&scratch)?
        .schema(SCHEMA)
        .ok_or_else(|| ServeError::Internal("there is no pg_catalog".to_owned()))?;
    let schema =
        Overlay::new(schema, &comments, number_of(&scratch, DEFAULT_SCHEMA).await?).await?;
    Ok(Extension {
        schemas: vec![
            (SCHEMA, Arc::new(schema)),
            (DEFAULT_SCHEMA, Arc::new(MemorySchemaProvider::new())),
        ],
        scalars,
        tables: tables.collect(),
        types: Some(Arc::new(PgOidTypePlanner)),
    })
}

/// A context that lists what can be named, and has the catalog of that.
fn scratch() -> Result<SessionContext> {
    let config = SessionConfig::new()
        .with_default_catalog_and_schema(DATABASE, DEFAULT_SCHEMA)
        .with_create_default_catalog_and_schema(false);
    let context = SessionContext::new_with_config(config);
    let catalog = Arc::new(MemoryCatalogProvider::new());
    catalog.register_schema(DEFAULT_SCHEMA, Arc::new(MemorySchemaProvider::new()))?;
    for name in described_schemas() {
        let schema = MemorySchemaProvider::new();
        for table in described_tables().iter().filter(|table| table.schema == name) {
            let kind = match table.kind {
                Kind::Table | Kind::Derived | Kind::Reference => TableType::Base,
                Kind::View | Kind::System => TableType::View,
            };
            let fields = table.columns.iter().map(|column| column.field()).collect();
            schema.register_table(table.name.to_owned(), Listed::new(fields, kind))?;
        }
        if name == AuditTable::SCHEMA {
            let table = Listed::new(AuditTable::fields(), TableType::View);
            schema.register_table(AuditTable::NAME.to_owned(), table)?;
        }
        catalog.register_schema(name, Arc::new(schema))?;
    }
    context.register_catalog(DATABASE, catalog);
    setup_pg_catalog(&context, DATABASE, EmptyContextProvider).map_err(|error| *error)?;
    Ok(context)
}

/// The number of a schema.
async fn number_of(context: &SessionContext, schema: &str) -> Result<i32> {
    let sql = format!("select oid from pg_catalog.pg_namespace where nspname = '{schema}'");
    let batches = context.sql(&sql).await?.collect().await?;
    let first = batches.iter().find(|batch| batch.num_rows() > 0);
    Ok(first.map_or(0, |batch| batch.column(0).as_primitive::<Int32Type>().value(0)))
}

fn catalog(context: &SessionContext) -> Result<Arc<dyn CatalogProvider>, ServeError> {
    context
        .catalog(DATABASE)
        .ok_or_else(|| ServeError::from(DataFusionError::Internal("no catalog".to_owned())))
}
