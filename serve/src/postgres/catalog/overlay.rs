//! The tables of the catalog that are made here, in place of those of `datafusion-pg-catalog`: descriptions,
//! and the functions that assay adds.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int16Array, Int32Array, RecordBatch, StringArray, UInt32Array, new_null_array,
};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::SchemaRef;
use assay_query::{FunctionKind, described_functions};
use async_trait::async_trait;
use datafusion::catalog::{MemTable, SchemaProvider, TableProvider};
use datafusion::error::Result;
use datafusion::prelude::SessionContext;

use super::comments::{Comments, PG_CLASS};

/// Numbers of functions, out of the way of others.
pub(super) const FIRST_FUNCTION: i32 = 1_000_000;

/// The catalog with some tables of its own.
#[derive(Debug)]
pub(super) struct Overlay {
    below: Arc<dyn SchemaProvider>,
    own: BTreeMap<&'static str, Arc<MemTable>>,
}

impl Overlay {
    /// Over `below`, with the functions in the schema of number `functions_in`.
    pub(super) async fn new(
        below: Arc<dyn SchemaProvider>,
        comments: &Comments,
        functions_in: i32,
    ) -> Result<Overlay> {
        let mut own = BTreeMap::new();
        let descriptions = below.table("pg_description").await?;
        if let Some(table) = descriptions {
            own.insert("pg_description", mem(description_rows(&table.schema(), comments)?)?);
        }
        if let Some(table) = below.table("pg_proc").await? {
            // Those of PostgreSQL that are listed there cannot be called, but clients look them up.
            let all = SessionContext::new().read_table(table)?.collect().await?;
            let Some(schema) = all.first().map(RecordBatch::schema) else {
                return Ok(Overlay { below, own });
            };
            let ours = function_rows(&schema, functions_in)?;
            let schema = ours.schema();
            let loosened = |batch: RecordBatch| {
                RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec())
            };
            let mut batches = all.into_iter().map(loosened).collect::<Result<Vec<_>, _>>()?;
            batches.push(ours);
            own.insert("pg_proc", mem(concat_batches(&schema, &batches)?)?);
        }
        Ok(Overlay { below, own })
    }
}

fn mem(rows: RecordBatch) -> Result<Arc<MemTable>> {
    Ok(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?))
}

/// Rows of `schema` of which some columns are known; the others have no values.
fn rows(schema: &SchemaRef, count: usize, known: &[(&str, ArrayRef)]) -> Result<RecordBatch> {
    let columns = schema.fields().iter().map(|field| {
        let found = known.iter().find(|(name, _)| name == field.name());
        Ok(match found {
            Some((_, array)) => cast(array, field.data_type())?,
            None => new_null_array(field.data_type(), count),
        })
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    // Columns that are never null elsewhere may be so here.
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    let nullable = Arc::new(arrow::datatypes::Schema::new(fields.collect::<Vec<_>>()));
    Ok(RecordBatch::try_new(nullable, columns)?)
}

fn description_rows(schema: &SchemaRef, comments: &Comments) -> Result<RecordBatch> {
    let all: Vec<_> = comments.iter().collect();
    let ints = |value: fn(&(i32, i32, &str)) -> i32| -> ArrayRef {
        Arc::new(Int32Array::from_iter_values(all.iter().map(value)))
    };
    let texts = all.iter().map(|(_, _, text)| *text);
    rows(
        schema,
        all.len(),
        &[
            ("objoid", ints(|(table, _, _)| *table)),
            ("classoid", ints(|_| PG_CLASS)),
            ("objsubid", ints(|(_, column, _)| *column)),
            ("description", Arc::new(StringArray::from_iter_values(texts))),
        ],
    )
}

fn function_rows(schema: &SchemaRef, functions_in: i32) -> Result<RecordBatch> {
    let all = described_functions();
    let count = all.len();
    let last = FIRST_FUNCTION + i32::try_from(count).unwrap_or_default();
    let texts = |value: &dyn Fn(&assay_query::DescribedFunction) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(all.iter().map(value)))
    };
    let ints = |value: i32| -> ArrayRef { Arc::new(Int32Array::from(vec![value; count])) };
    let kind = |function: &assay_query::DescribedFunction| {
        (if function.kind == FunctionKind::Aggregate { "a" } else { "f" }).to_owned()
    };
    let arguments = all.iter().map(|f| i16::try_from(f.arguments.len()).unwrap_or(i16::MAX));
    rows(
        schema,
        count,
        &[
            ("oid", Arc::new(Int32Array::from_iter_values(FIRST_FUNCTION..last))),
            ("proname", texts(&|function| function.name.clone())),
            ("pronamespace", ints(functions_in)),
            ("proowner", ints(10)),
            ("prolang", ints(12)),
            ("prokind", texts(&kind)),
            ("pronargs", Arc::new(Int16Array::from_iter_values(arguments))),
            ("prorettype", Arc::new(UInt32Array::from(vec![25; count]))),
            ("provolatile", texts(&|_| "s".to_owned())),
            ("proparallel", texts(&|_| "s".to_owned())),
            ("prosrc", texts(&|function| function.doc.clone())),
        ],
    )
}

#[async_trait]
impl SchemaProvider for Overlay {
    fn table_names(&self) -> Vec<String> {
        self.below.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.own.get(name) {
            Some(table) => Ok(Some(Arc::clone(table) as _)),
            None => self.below.table(name).await,
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.below.table_exist(name)
    }
}
