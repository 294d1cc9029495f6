//! The tables of the schema `analytics`: the files of all series of a lake, or beside a server.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use assay_model::derived::{DerivedFile, DerivedTable, Manifest, SCHEMA, VERSION};
use assay_model::lake::MANIFEST_FILE;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, Statistics};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::read;
use super::scan::{ParquetScan, file};
use crate::QueryError;
use crate::catalog::snapshot::Snapshot;

/// One series of a lake.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DerivedSeries {
    /// Its folder.
    dir: PathBuf,
    /// Name of that.
    name: String,
    /// Its manifest, or how that is damaged: who asks for other tables is not to be kept from them.
    manifest: Result<Manifest, String>,
}

/// Where the engine finds the files of all series.
pub(crate) fn store_url() -> ObjectStoreUrl {
    ObjectStoreUrl::parse(format!("lake://{SCHEMA}")).expect("a word is a host name")
}

/// The manifest of the series in `dir`; `None` if there is none.
pub(crate) fn read_manifest(dir: &Path) -> Result<Option<Manifest>, QueryError> {
    let path = dir.join(MANIFEST_FILE);
    let Some(text) = read(&path)? else { return Ok(None) };
    match serde_json::from_slice(&text) {
        Ok(manifest) => Ok(Some(manifest)),
        Err(error) => Err(QueryError::Damaged { path, reason: error.to_string() }),
    }
}

/// Every series in the folder `lake` of this version, in the order of their names.
pub(crate) fn read_series(lake: &Path) -> Result<Vec<DerivedSeries>, QueryError> {
    let dir = lake.join(SCHEMA);
    let cannot = |source| QueryError::Read { path: dir.clone(), source };
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot(error)),
    };
    let mut all = Vec::new();
    for entry in entries {
        let entry = entry.map_err(cannot)?;
        // What is not a series of ours has another name, or no manifest.
        let (Ok(name), true) = (entry.file_name().into_string(), entry.path().is_dir()) else {
            continue;
        };
        let dir = entry.path();
        let manifest = match read_manifest(&dir) {
            Ok(Some(manifest)) if manifest.version == VERSION => Ok(manifest),
            Ok(_) => continue,
            Err(QueryError::Damaged { reason, .. }) => Err(reason),
            Err(error) => return Err(error),
        };
        all.push(DerivedSeries { dir, name, manifest });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// A table of a snapshot.
#[derive(Debug)]
pub(crate) struct ComputedTable {
    table: &'static DerivedTable,
    snapshot: Arc<Snapshot>,
}

impl ComputedTable {
    pub(crate) fn new(table: &'static DerivedTable, snapshot: Arc<Snapshot>) -> ComputedTable {
        ComputedTable { table, snapshot }
    }
}

#[async_trait]
impl TableProvider for ComputedTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        // Inexact: the filter stays in the plan until it is moved into the Parquet reader.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut files = Vec::new();
        for series in &self.snapshot.series {
            let manifest = series.manifest.as_ref().map_err(|reason| QueryError::Damaged {
                path: series.dir.join(MANIFEST_FILE),
                reason: reason.clone(),
            })?;
            if let Some(DerivedFile { name, bytes, rows: 1.. }) =
                manifest.files.get(self.table.name)
            {
                files.push(file(format!("{SCHEMA}/{}/{name}", series.name), *bytes));
            }
        }
        let schema = self.schema();
        let scan = ParquetScan {
            url: store_url(),
            statistics: Statistics::new_unknown(&schema),
            schema,
            files,
            order: Vec::new(),
        };
        scan.plan(state, projection, limit)
    }
}
