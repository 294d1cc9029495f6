//! A SELECT that grows node by node.
//!
//! # Invariants
//!
//! * Clauses apply in the order of SQL; a node that comes later than its clause would apply begins a
//!   SELECT around it.

use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use assay_clickhouse::{is_given, table_name};
use datafusion::common::stats::Precision;

use super::super::remote::Request;
use super::super::server::Commit;
use super::super::table::ServedTable;
use super::kind::Kind;

/// The longest text that is sent, bytes: the server reads no more than 256 KiB.
const MAX_SQL_BYTES: usize = 200_000;

/// What the texts of one statement share: names, each given once, and the chains that they read.
#[derive(Debug, Default)]
pub(in super::super) struct Context {
    last_name: Cell<usize>,
    commits: RefCell<Vec<Arc<Commit>>>,
}

impl Context {
    /// A name that no column or subquery has yet.
    pub(super) fn name(&self, prefix: &str) -> String {
        self.last_name.set(self.last_name.get() + 1);
        format!("{prefix}{}", self.last_name.get())
    }

    fn reads(&self, commit: &Arc<Commit>) {
        let mut commits = self.commits.borrow_mut();
        if !commits.iter().any(|known| Arc::ptr_eq(known, commit)) {
            commits.push(Arc::clone(commit));
        }
    }
}

/// What is computed of a row.
#[derive(Clone, Debug)]
pub(super) struct Term {
    pub(super) sql: String,
    pub(super) kind: Kind,
    /// Of a list that may be absent: whether it is there.
    pub(super) given: Option<String>,
}

impl Term {
    pub(super) fn new(sql: String, kind: Kind) -> Term {
        Term { sql, kind, given: None }
    }
}

/// The clauses.
#[derive(Clone, Debug)]
pub(in super::super) struct Select {
    pub(super) columns: Vec<Term>,
    pub(super) from: String,
    pub(super) conditions: Vec<String>,
    /// Keys of the groups, none of which makes one group of all rows; `None` if there are no groups.
    pub(super) groups: Option<Vec<String>>,
    pub(super) order: Vec<String>,
    pub(super) skip: usize,
    pub(super) fetch: Option<usize>,
    /// Whether sides of joins that find nothing have to be null.
    pub(super) joins_nulls: bool,
    /// The most rows that it can give, by the log; an estimate for joins.
    pub(super) rows: Precision<usize>,
}

impl Select {
    /// Columns of `table`, as far as readers may see its rows.
    pub(in super::super) fn table(
        table: &ServedTable,
        projection: Option<&[usize]>,
        context: &Context,
    ) -> Select {
        context.reads(&table.commit);
        let all = 0..table.table.columns.len();
        let places = projection.map_or_else(|| all.collect(), <[usize]>::to_vec);
        let logged = &table.commit.logged;
        let columns = places.into_iter().map(|place| {
            let column = &table.table.columns[place];
            let kind = match Kind::of(&column.kind.data_type()) {
                Some(Kind::Bytes(_)) => Kind::Bytes(logged.width(table.table, column.name)),
                kind => kind.expect("the model's types are known"),
            };
            Term { sql: column.name.to_owned(), kind, given: is_given(column) }
        });
        let from = format!("{}.{}", logged.connection.database(), table_name(table.table));
        Select {
            columns: columns.collect(),
            conditions: vec![table.visible()],
            rows: Precision::Inexact(table.commit.row_count(table.table)),
            ..Select::of(from)
        }
    }

    /// Nothing of `from` yet.
    pub(super) fn of(from: String) -> Select {
        Select {
            columns: Vec::new(),
            from,
            conditions: Vec::new(),
            groups: None,
            order: Vec::new(),
            skip: 0,
            fetch: None,
            joins_nulls: false,
            rows: Precision::Absent,
        }
    }

    /// Whether it has clauses after which rows are chosen no more.
    pub(super) fn is_closed(&self) -> bool {
        self.groups.is_some() || self.is_ordered() || self.is_cut()
    }

    /// Whether the order of its rows is asked for.
    pub(in super::super) fn is_ordered(&self) -> bool {
        !self.order.is_empty()
    }

    /// Whether it gives only some of its rows.
    pub(super) fn is_cut(&self) -> bool {
        self.skip > 0 || self.fetch.is_some()
    }

    /// Whether its text is short enough to be sent.
    pub(in super::super) fn is_short(&self) -> bool {
        let columns = self.columns.iter().map(|column| column.sql.len());
        let clauses = self.conditions.iter().chain(self.groups.iter().flatten()).chain(&self.order);
        let clauses = clauses.map(String::len);
        self.from.len() + columns.sum::<usize>() + clauses.sum::<usize>() < MAX_SQL_BYTES
    }

    /// A SELECT around it that gives the same.
    pub(super) fn nested(self, context: &Context) -> Select {
        let (text, columns) = self.text(context);
        Select {
            columns,
            joins_nulls: self.joins_nulls,
            rows: self.rows,
            ..Select::of(format!("({text})"))
        }
    }

    /// The text, and its columns as they are seen from without.
    pub(super) fn text(&self, context: &Context) -> (String, Vec<Term>) {
        let mut columns = Vec::new();
        let mut items = Vec::new();
        for column in &self.columns {
            let name = context.name("c");
            items.push(format!("{} AS {name}", column.sql));
            let given = column.given.as_ref().map(|given| {
                let flag = format!("has_{name}");
                items.push(format!("{given} AS {flag}"));
                flag
            });
            columns.push(Term { sql: name, kind: column.kind, given });
        }
        if items.is_empty() {
            items.push("1".to_owned());
        }
        let mut text = format!("SELECT {} FROM {}", items.join(", "), self.from);
        let mut clause = |words: &str, parts: &[String], between: &str| {
            if !parts.is_empty() {
                write!(text, " {words} {}", parts.join(between)).expect("text takes text");
            }
        };
        clause("WHERE", &self.conditions, " AND ");
        clause("GROUP BY", self.groups.as_deref().unwrap_or_default(), ", ");
        clause("ORDER BY", &self.order, ", ");
        clause("LIMIT", self.fetch.map(|fetch| fetch.to_string()).as_slice(), "");
        if self.skip > 0 {
            clause("OFFSET", &[self.skip.to_string()], "");
        }
        (text, columns)
    }

    /// What is sent for it; its answer has the columns of `schema`.
    pub(in super::super) fn request(&self, schema: SchemaRef, context: &Context) -> Request {
        let (mut sql, columns) = self.text(context);
        if self.joins_nulls {
            sql += " SETTINGS join_use_nulls = 1";
        }
        let fields = columns.iter().zip(schema.fields()).map(|(column, field)| {
            Field::new(&column.sql, field.data_type().clone(), field.is_nullable())
        });
        let answer = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let commits = context.commits.borrow().clone();
        Request { sql, answer, schema, rows: self.rows, commits }
    }
}
