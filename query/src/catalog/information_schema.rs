//! The schema `information_schema`: every table and column, described.
//!
//! It replaces the engine's own, which knows neither descriptions nor the types' SQL names. Rows
//! come from [`described_tables`], so they are there even while a view cannot be planned.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use assay_model::{Column, ColumnType};
use datafusion::common::Result;

use super::described::{Described, Kind, described_schemas, described_tables};
use super::names::CATALOG;
use crate::views;

/// Name of the schema.
pub(super) const SCHEMA: &str = "information_schema";

/// The tables of the schema.
pub(super) const TABLES: [Described; 4] = [SCHEMATA, TABLES_TABLE, COLUMNS, VIEWS];

/// Tables of the schema that the engine fills: its options and functions.
pub(super) const ENGINE_TABLES: [&str; 3] = ["df_settings", "routines", "parameters"];

const CATALOG_DOC: &str = "Name of the catalog: assay.";

const SCHEMATA: Described = Described {
    schema: SCHEMA,
    name: "schemata",
    doc: "One row per schema.",
    kind: Kind::System,
    columns: &[
        Column::required("catalog_name", ColumnType::Text, CATALOG_DOC),
        Column::required("schema_name", ColumnType::Text, "Name of the schema."),
    ],
};

const TABLES_TABLE: Described = Described {
    schema: SCHEMA,
    name: "tables",
    doc: "One row per table or view.",
    kind: Kind::System,
    columns: &[
        Column::required("table_catalog", ColumnType::Text, CATALOG_DOC),
        Column::required("table_schema", ColumnType::Text, "Its schema."),
        Column::required("table_name", ColumnType::Text, "Its name."),
        Column::required("table_type", ColumnType::Text, "BASE TABLE or VIEW."),
        Column::required("description", ColumnType::Text, "What one row is."),
    ],
};

const COLUMNS: Described = Described {
    schema: SCHEMA,
    name: "columns",
    doc: "One row per column of a table or view.",
    kind: Kind::System,
    columns: &[
        Column::required("table_catalog", ColumnType::Text, CATALOG_DOC),
        Column::required("table_schema", ColumnType::Text, "Schema of its table."),
        Column::required("table_name", ColumnType::Text, "Name of its table."),
        Column::required("column_name", ColumnType::Text, "Its name."),
        Column::required("ordinal_position", ColumnType::Int64, "Its place, from 1."),
        Column::required("is_nullable", ColumnType::Text, "YES or NO: whether a row may lack it."),
        Column::required("data_type", ColumnType::Text, "Type, as written in SQL."),
        Column::required("description", ColumnType::Text, "Meaning and unit."),
    ],
};

const VIEWS: Described = Described {
    schema: SCHEMA,
    name: "views",
    doc: "One row per view.",
    kind: Kind::System,
    columns: &[
        Column::required("table_catalog", ColumnType::Text, CATALOG_DOC),
        Column::required("table_schema", ColumnType::Text, "Its schema."),
        Column::required("table_name", ColumnType::Text, "Its name."),
        Column::required("definition", ColumnType::Text, "Its query."),
    ],
};

/// The rows of one of [`TABLES`].
pub(super) fn rows(name: &str) -> Result<RecordBatch> {
    match name {
        "schemata" => schemata(),
        "tables" => tables(),
        "columns" => columns(),
        _ => views(),
    }
}

fn schemata() -> Result<RecordBatch> {
    let schemas = described_schemas();
    batch(&SCHEMATA, vec![text(schemas.iter().map(|_| CATALOG)), text(schemas.iter().copied())])
}

fn tables() -> Result<RecordBatch> {
    let tables = described_tables();
    let table_type = |kind| match kind {
        Kind::Table | Kind::Derived | Kind::Reference => "BASE TABLE",
        Kind::View | Kind::System => "VIEW",
    };
    batch(
        &TABLES_TABLE,
        vec![
            text(tables.iter().map(|_| CATALOG)),
            text(tables.iter().map(|table| table.schema)),
            text(tables.iter().map(|table| table.name)),
            text(tables.iter().map(|table| table_type(table.kind))),
            text(tables.iter().map(|table| table.doc)),
        ],
    )
}

fn columns() -> Result<RecordBatch> {
    let all: Vec<_> = described_tables()
        .iter()
        .flat_map(|table| {
            (1..).zip(table.columns).map(move |(place, column)| (table, place, column))
        })
        .collect();
    let yes_no = |nullable| if nullable { "YES" } else { "NO" };
    batch(
        &COLUMNS,
        vec![
            text(all.iter().map(|_| CATALOG)),
            text(all.iter().map(|(table, ..)| table.schema)),
            text(all.iter().map(|(table, ..)| table.name)),
            text(all.iter().map(|(.., column)| column.name)),
            Arc::new(Int64Array::from_iter_values(all.iter().map(|(_, place, _)| *place))),
            text(all.iter().map(|(.., column)| yes_no(column.nullable))),
            text(all.iter().map(|(.., column)| column.kind.sql_name())),
            text(all.iter().map(|(.., column)| column.doc)),
        ],
    )
}

fn views() -> Result<RecordBatch> {
    let views = views::ALL;
    batch(
        &VIEWS,
        vec![
            text(views.iter().map(|_| CATALOG)),
            text(views.iter().map(|view| view.schema)),
            text(views.iter().map(|view| view.name)),
            text(views.iter().map(|view| view.sql)),
        ],
    )
}

fn text<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn batch(table: &Described, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    Ok(RecordBatch::try_new(table.arrow_schema(), columns)?)
}
