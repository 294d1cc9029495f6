//! Every table and column in words, with or without a lake at hand.

use std::sync::LazyLock;

use arrow::datatypes::{Schema, SchemaRef};
use assay_model::{Chain, Column, derived, reference};

use super::{information_schema, system};
use crate::views;

/// What stands behind a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rows that the indexer stored.
    Table,
    /// Rows that an analysis computed and keeps.
    Derived,
    /// Facts from outside of the chains.
    Reference,
    /// A query over tables.
    View,
    /// A description of the lake or of the catalog, made when asked for.
    System,
}

impl Kind {
    /// One word for people.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Table => "table",
            Kind::Derived => "derived",
            Kind::Reference => "reference",
            Kind::View => "view",
            Kind::System => "system",
        }
    }
}

/// A table in words.
#[derive(Clone, Copy, Debug)]
pub struct Described {
    /// Schema in SQL.
    pub schema: &'static str,
    /// Name within the schema.
    pub name: &'static str,
    /// One line: what one row is.
    pub doc: &'static str,
    /// What stands behind the name.
    pub kind: Kind,
    /// The columns, in order.
    pub columns: &'static [Column],
}

impl Described {
    /// Schema and name, as written in SQL.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    pub(crate) fn arrow_schema(&self) -> SchemaRef {
        Schema::new(self.columns.iter().map(Column::field).collect::<Vec<_>>()).into()
    }
}

/// Every table that SQL can name: stored ones, views, then system tables.
pub fn described_tables() -> &'static [Described] {
    static TABLES: LazyLock<Vec<Described>> = LazyLock::new(|| {
        let stored = Chain::ALL.into_iter().flat_map(Chain::tables).map(|table| Described {
            schema: table.chain.name(),
            name: table.name,
            doc: table.doc,
            kind: Kind::Table,
            columns: table.columns,
        });
        let views = views::ALL.into_iter().map(|view| Described {
            schema: view.schema,
            name: view.name,
            doc: view.doc,
            kind: Kind::View,
            columns: view.columns,
        });
        let derived = derived::TABLES.iter().map(|table| Described {
            schema: derived::SCHEMA,
            name: table.name,
            doc: table.doc,
            kind: Kind::Derived,
            columns: table.columns,
        });
        let reference = reference::TABLES.iter().map(|table| Described {
            schema: reference::SCHEMA,
            name: table.name,
            doc: table.doc,
            kind: Kind::Reference,
            columns: table.columns,
        });
        stored
            .chain(views)
            .chain(derived)
            .chain(reference)
            .chain(system::TABLES)
            .chain(information_schema::TABLES)
            .collect()
    });
    &TABLES
}

/// Every schema, in the order of [`described_tables`].
pub fn described_schemas() -> Vec<&'static str> {
    let schemas = described_tables().iter().map(|table| table.schema);
    let mut unique = Vec::new();
    for schema in schemas {
        if !unique.contains(&schema) {
            unique.push(schema);
        }
    }
    unique
}

/// The description of `schema.name`.
pub(crate) fn find(schema: &str, name: &str) -> Option<&'static Described> {
    described_tables().iter().find(|table| table.schema == schema && table.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_and_column_is_described_in_one_line() {
        for table in described_tables() {
            let docs = table.columns.iter().map(|column| column.doc).chain([table.doc]);
            for doc in docs {
                assert!(doc.ends_with('.') && !doc.contains('\n'), "{}: {doc}", table.full_name());
            }
        }
    }

    #[test]
    fn names_are_unique() {
        for table in described_tables() {
            let same = |other: &&Described| other.full_name() == table.full_name();
            assert_eq!(described_tables().iter().filter(same).count(), 1, "{}", table.full_name());
        }
        assert_eq!(
            described_schemas(),
            ["bitcoin", "ethereum", "analytics", "reference", "system", "information_schema"]
        );
    }
}
