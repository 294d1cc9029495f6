//! The same rows as over a lake.

use assay_model::Chain;
use assay_query::analyses::holdings::{At, Question, at};
use assay_query::{Asset, Session};

use crate::database::Database;
use crate::made;
use crate::support::{lake, open, rows, slt};

/// Statements over the tables of [`made`], beside one for every table and view as a whole.
const STATEMENTS: &str = include_str!("parity.sql");

/// Compares what both stores answer: row by row if the statement orders them.
pub async fn compare(over_lake: &Session, over_server: &Session, sql: &str) -> Result<(), String> {
    let mut expected = rows(over_lake, sql).await.map_err(|error| error.to_string());
    let mut actual = rows(over_server, sql).await.map_err(|error| error.to_string());
    if !sql.contains("order by") {
        for rows in [&mut expected, &mut actual].into_iter().flatten() {
            rows.sort();
        }
    }
    match (expected, actual) {
        (Ok(expected), Ok(actual)) if expected == actual => Ok(()),
        // Both refuse, each in its words.
        (Err(_), Err(_)) => Ok(()),
        (expected, actual) => Err(format!("{sql}\n  lake   {expected:?}\n  server {actual:?}")),
    }
}

#[tokio::test]
async fn sql_behaves_as_the_records_say() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let Some(database) = Database::of_lake(dir.path()).await else { return };
    slt::run_all(&database.open().await, "tests/slt").await;
}

#[tokio::test]
async fn both_stores_give_the_same_rows() {
    let dir = tempfile::tempdir().expect("a folder");
    made::write(dir.path());
    let Some(database) = Database::of_lake(dir.path()).await else { return };
    let (over_lake, over_server) = (open(dir.path()).await, database.open().await);
    let mut differences = Vec::new();
    let all = assay_query::described_tables().iter();
    let all = all.filter(|table| ["bitcoin", "ethereum"].contains(&table.schema));
    let all = all.map(|table| format!("select * from {}", table.full_name()));
    let listed = STATEMENTS.split(";\n").map(|sql| sql.trim().to_owned());
    let listed: Vec<_> = listed.filter(|sql| !sql.is_empty()).collect();
    assert!(listed.len() >= 60, "{} statements", listed.len());
    for sql in all.chain(listed) {
        differences.extend(compare(&over_lake, &over_server, &sql).await.err());
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

#[tokio::test]
async fn holdings_are_told_over_both() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let Some(database) = Database::of_lake(dir.path()).await else { return };
    let (over_lake, over_server) = (open(dir.path()).await, database.open().await);
    let bitcoin = Asset::Coin(Chain::Bitcoin);
    for when in [At::Now, At::Height(4), At::Moment(lake::time_micros(5))] {
        let told = async |session: &Session| {
            let holdings =
                at(session, &Question::new(bitcoin.clone(), when)).await.expect("holdings");
            (holdings.height, holdings.held, holdings.brackets.clone(), holdings.gini())
        };
        assert_eq!(told(&over_lake).await, told(&over_server).await, "{when:?}");
    }
}
