//! What the tests of the session share: a small lake, and rows as text.

pub mod slt;

pub use assay_fixtures::lake;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use assay_query::{QueryError, Session, SessionOptions, Store};
use futures::TryStreamExt;

/// A session over the lake in `dir`.
pub async fn open(dir: &std::path::Path) -> Session {
    let options =
        SessionOptions { store: Store::Lake(dir.to_owned()), ..SessionOptions::default() };
    Session::open(options).await.expect("the lake is there")
}

/// All rows of one statement.
pub async fn collect(session: &Session, sql: &str) -> Result<Vec<RecordBatch>, QueryError> {
    let stream = session.query(sql).await?;
    stream.try_collect().await.map_err(QueryError::from)
}

/// All rows of one statement, each as its values with a space between them.
pub async fn rows(session: &Session, sql: &str) -> Result<Vec<String>, QueryError> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in collect(session, sql).await? {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).expect("a printable type"))
            .collect();
        for row in 0..batch.num_rows() {
            let values: Vec<_> =
                columns.iter().map(|column| column.value(row).to_string()).collect();
            rows.push(values.join(" "));
        }
    }
    Ok(rows)
}

/// The rows of a statement that works.
pub async fn ok(session: &Session, sql: &str) -> Vec<String> {
    rows(session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The error of a statement that does not, on one line.
pub async fn error(session: &Session, sql: &str) -> String {
    let error = rows(session, sql).await.expect_err(sql).to_string();
    assert!(!error.contains('\n'), "more than one line: {error}");
    error
}
