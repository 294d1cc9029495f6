//! Answers as text, whoever gave them.

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use assay_query::{Access, QueryError, Session, SessionOptions, Store, Terms};
use futures::TryStreamExt;

use crate::lake::Lake;

/// Columns by their names, and the values of each row; `None` is null.
#[derive(Debug)]
pub struct Answer {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
}

impl Answer {
    /// The place of the column called `name`.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// The values of the column called `name`.
    pub fn column(&self, name: &str) -> Vec<Option<&str>> {
        let place = self.place(name).unwrap_or_else(|| panic!("{name} is not in {self:?}"));
        self.rows.iter().map(|row| row[place].as_deref()).collect()
    }
}

/// What answers.
pub enum Server {
    /// The engine itself.
    Engine(Session),
}

impl Server {
    /// The engine over `lake`.
    pub async fn engine(lake: &Lake) -> Server {
        let store = Store::Lake(lake.path());
        let options = SessionOptions { store, ..SessionOptions::default() };
        Server::Engine(Session::open(options).await.expect("a lake"))
    }

    /// What is answered to a regulator, who may read results only.
    pub async fn ask(&self, sql: &str) -> Result<Answer, String> {
        match self {
            Server::Engine(session) => {
                in_process(session, sql).await.map_err(|error| error.to_string())
            }
        }
    }
}

async fn in_process(session: &Session, sql: &str) -> Result<Answer, QueryError> {
    let mut statements = session.statements(sql)?;
    let statement = statements.pop().expect("a statement");
    assert!(statements.is_empty(), "one statement at a time: {sql}");
    let terms = Terms { access: Access::Results, ..Terms::default() };
    let stream = session.run_on(statement, terms).await?;
    let schema = stream.schema();
    let batches: Vec<RecordBatch> = stream.try_collect().await?;
    Ok(Answer {
        columns: schema.fields().iter().map(|field| field.name().clone()).collect(),
        rows: batches.iter().flat_map(rows).collect(),
    })
}

fn rows(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    let options = FormatOptions::default();
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options).expect("a printable type"))
        .collect();
    let value = |row: usize, place: usize| {
        (!batch.column(place).is_null(row)).then(|| columns[place].value(row).to_string())
    };
    (0..batch.num_rows())
        .map(|row| (0..columns.len()).map(|place| value(row, place)).collect())
        .collect()
}
