//! What tables, columns and functions are, in words, by the numbers of the catalog.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;
use assay_query::described_tables;
use datafusion::error::Result;
use datafusion::prelude::SessionContext;

use crate::audit::AuditTable;

/// The number of the table that lists tables.
pub(super) const PG_CLASS: i32 = 1_259;

/// Descriptions of tables and columns.
#[derive(Debug, Default)]
pub(super) struct Comments {
    /// By the table's number and the column's, from 1; 0 is the table itself.
    of: BTreeMap<(i32, i32), String>,
}

impl Comments {
    /// Those of the tables that `context` lists.
    pub(super) async fn read(context: &SessionContext) -> Result<Comments> {
        let sql = "select c.oid, n.nspname, c.relname from pg_catalog.pg_class c \
                   join pg_catalog.pg_namespace n on n.oid = c.relnamespace";
        let mut of = BTreeMap::new();
        for batch in context.sql(sql).await?.collect().await? {
            let oids = batch.column(0).as_primitive::<Int32Type>();
            let (schemas, names) =
                (batch.column(1).as_string::<i32>(), batch.column(2).as_string::<i32>());
            for row in 0..batch.num_rows() {
                let (oid, schema, name) = (oids.value(row), schemas.value(row), names.value(row));
                for (column, text) in describe(schema, name) {
                    of.insert((oid, column), text);
                }
            }
        }
        Ok(Comments { of })
    }

    /// What a table is, or one of its columns.
    pub(super) fn find(&self, table: i32, column: i32) -> Option<&str> {
        self.of.get(&(table, column)).map(String::as_str)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i32, i32, &str)> {
        self.of.iter().map(|((table, column), text)| (*table, *column, text.as_str()))
    }
}

/// What is said of a table and its columns, by the numbers of these.
fn describe(schema: &str, name: &str) -> Vec<(i32, String)> {
    let numbered = |docs: Vec<&str>| (0..).zip(docs.into_iter().map(str::to_owned)).collect();
    if (schema, name) == (AuditTable::SCHEMA, AuditTable::NAME) {
        let docs = AuditTable::columns().map(|(_, _, doc)| doc);
        return numbered([&[AuditTable::DOC][..], &docs].concat());
    }
    let mut known = described_tables().iter();
    let Some(table) = known.find(|table| (table.schema, table.name) == (schema, name)) else {
        return vec![];
    };
    let docs = table.columns.iter().map(|column| column.doc);
    numbered([table.doc].into_iter().chain(docs).collect())
}
