//! From a name to a table: the one catalog, its schemas, and what each holds.
//!
//! # Invariants
//!
//! * All tables that one statement names, directly or through views, are of the same snapshot.
//! * Nothing can be registered: the catalog is the same for every statement.

use std::sync::Arc;

use assay_model::reference::ReferenceTable;
use assay_model::{Chain, derived};
use async_trait::async_trait;
use datafusion::catalog::information_schema::InformationSchemaProvider;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemTable, MemoryCatalogProviderList, SchemaProvider,
    TableProvider,
};
use datafusion::common::Result;
use datafusion::datasource::ViewTable;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;

use super::described::{self, Kind, described_schemas, described_tables};
use super::snapshot::{Rows, Snapshot};
use super::{information_schema, system};
use crate::clickhouse::table::ServedTable;
use crate::lake::derived::ComputedTable;
use crate::lake::table::StoredTable;
use crate::store::blocking;
use crate::{Access, Extension, QueryError, functions, views};

/// Name of the one catalog.
pub(crate) const CATALOG: &str = "assay";
/// The schema of names without one. It is empty: which chain is meant has to be said.
pub(crate) const DEFAULT_SCHEMA: &str = "public";

/// What the names of one statement mean.
#[derive(Clone)]
struct Names {
    base: Arc<SessionState>,
    snapshot: Arc<Snapshot>,
    extension: Arc<Extension>,
    access: Access,
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").finish_non_exhaustive()
    }
}

/// The state in which one statement is planned and run: `base` with the tables of `snapshot`, as far as
/// `access` goes, its functions, and the schemas of `extension`.
pub(crate) fn statement_state(
    base: &Arc<SessionState>,
    snapshot: &Arc<Snapshot>,
    extension: &Arc<Extension>,
    access: Access,
) -> Result<SessionState> {
    let names = Names {
        base: Arc::clone(base),
        snapshot: Arc::clone(snapshot),
        extension: Arc::clone(extension),
        access,
    };
    let mut state = SessionState::clone(base);
    state.register_catalog_list(Arc::new(Catalogs(names)));
    for function in functions::of_snapshot(snapshot) {
        state.register_udf(Arc::new(function))?;
    }
    for (name, function) in functions::tables_of_snapshot(snapshot) {
        state.register_udtf(name, function);
    }
    state.mark_start_execution();
    Ok(state)
}

#[derive(Debug)]
struct Catalogs(Names);

impl CatalogProviderList for Catalogs {
    fn register_catalog(
        &self,
        _name: String,
        _catalog: Arc<dyn CatalogProvider>,
    ) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![CATALOG.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        (name == CATALOG).then(|| Arc::new(Catalog(self.0.clone())) as _)
    }
}

#[derive(Debug)]
struct Catalog(Names);

impl CatalogProvider for Catalog {
    fn schema_names(&self) -> Vec<String> {
        let mut names = described_schemas();
        for (name, _) in &self.0.extension.schemas {
            if !names.contains(name) {
                names.push(name);
            }
        }
        names.into_iter().map(str::to_owned).collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        match described_schemas().into_iter().find(|schema| *schema == name) {
            Some(name) => Some(Arc::new(Schema { name, names: self.0.clone() })),
            None => self.0.extension.schema(name).cloned(),
        }
    }
}

#[derive(Debug)]
struct Schema {
    name: &'static str,
    names: Names,
}

impl Schema {
    fn stored(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        let tables = Chain::ALL.into_iter().flat_map(Chain::tables);
        let table = tables.copied().find(|t| t.chain.name() == self.name && t.name == name)?;
        let chain = self.names.snapshot.chain(table.chain);
        if let Some(chain) = chain
            && let Rows::ClickHouse(commit) = &chain.rows
        {
            return Some(Arc::new(ServedTable::new(table, chain, commit)));
        }
        // A chain that is not there has tables without rows.
        Some(Arc::new(StoredTable::new(table, Arc::clone(&self.names.snapshot))))
    }

    fn derived(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        let table = derived::TABLES.into_iter().find(|table| table.name == name)?;
        Some(Arc::new(ComputedTable::new(table, Arc::clone(&self.names.snapshot))))
    }

    async fn reference(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(table) = ReferenceTable::find(name) else { return Ok(None) };
        let reference = Arc::clone(&self.names.snapshot.reference);
        let rows = blocking(move || Ok(reference.rows(table)?.to_batch())).await??;
        Ok(Some(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?)))
    }

    /// Plans the view's query in the statement's own snapshot.
    async fn view(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(view) = views::find(self.name, name) else { return Ok(None) };
        let Names { base, snapshot, extension, .. } = &self.names;
        // Who may read a view need not be allowed to read what it is made of.
        let state = statement_state(base, snapshot, extension, Access::Everything)?;
        let plan = state.create_logical_plan(view.sql).await?;
        Ok(Some(Arc::new(ViewTable::new(plan, Some(view.sql.to_owned())))))
    }

    async fn system(&self, name: &'static str) -> Result<Arc<dyn TableProvider>> {
        let rows = match self.name {
            information_schema::SCHEMA => information_schema::rows(name)?,
            _ => system::rows(name, &self.names.snapshot).await?,
        };
        Ok(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?))
    }
}

#[async_trait]
impl SchemaProvider for Schema {
    fn table_names(&self) -> Vec<String> {
        let tables = described_tables().iter().filter(|table| table.schema == self.name);
        tables.map(|table| table.name.to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match described::find(self.name, name) {
            Some(table) if !self.names.access.allows(table.kind) => {
                Err(QueryError::Forbidden { table: table.full_name() }.into())
            }
            Some(table) => match table.kind {
                Kind::Table => Ok(self.stored(name)),
                Kind::Derived => Ok(self.derived(name)),
                Kind::Reference => self.reference(name).await,
                Kind::View => self.view(name).await,
                Kind::System => self.system(table.name).await.map(Some),
            },
            // The engine's own: its settings and functions, behind SHOW ALL and SHOW FUNCTIONS.
            None if self.name == information_schema::SCHEMA
                && information_schema::ENGINE_TABLES.contains(&name) =>
            {
                let engine =
                    InformationSchemaProvider::new(Arc::new(MemoryCatalogProviderList::new()))
                        .with_table_functions(self.names.base.table_functions().clone());
                engine.table(name).await
            }
            None => match self.names.extension.schema(self.name) {
                Some(schema) => schema.table(name).await,
                None => Ok(None),
            },
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        described::find(self.name, name).is_some()
    }
}
