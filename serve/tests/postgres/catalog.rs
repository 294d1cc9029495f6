//! What tools ask before they show anything.

use crate::support::{Served, texts};

/// What DBeaver, SQLAlchemy, Grafana and JDBC's driver ask, where it is not what `psql` asks.
const ASKED: &str = include_str!("asked.sql");

#[tokio::test(flavor = "multi_thread")]
async fn what_tools_ask_is_answered() {
    let served = Served::plain().await;
    let client = served.client().await;
    let mut failed = Vec::new();
    for sql in ASKED.split("\n;\n").map(str::trim).filter(|sql| !sql.is_empty()) {
        if let Err(error) = texts(&client, sql).await {
            failed.push(format!("{sql}\n  {error:?}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_columns_have_their_descriptions() {
    let served = Served::plain().await;
    let client = served.client().await;
    let sql = "select c.relkind, obj_description(c.oid, 'pg_class') from pg_class c \
               join pg_namespace n on n.oid = c.relnamespace \
               where n.nspname = 'bitcoin' and c.relname in ('blocks', 'balances') order by c.relname";
    let rows = texts(&client, sql).await.expect("rows");
    let described = |name: &str| {
        let mut tables = assay_query::described_tables().iter();
        tables.find(|table| table.full_name() == name).expect("described")
    };
    assert_eq!(rows[0], format!("v|{}", described("bitcoin.balances").doc));
    assert_eq!(rows[1], format!("r|{}", described("bitcoin.blocks").doc));
    let sql = "select a.attname, col_description(a.attrelid, a.attnum) from pg_attribute a \
               join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace \
               where n.nspname = 'bitcoin' and c.relname = 'blocks' order by a.attnum";
    let rows = texts(&client, sql).await.expect("rows");
    let columns = described("bitcoin.blocks").columns.iter();
    let expected: Vec<_> =
        columns.map(|column| format!("{}|{}", column.name, column.doc)).collect();
    assert_eq!(rows, expected);
    let sql = "select description from pg_description where description like '%audit%' \
               or objsubid = 0 limit 3";
    assert_eq!(texts(&client, sql).await.expect("rows").len(), 3);
    let functions = texts(&client, "select proname from pg_proc where oid >= 1000000").await;
    assert_eq!(functions.expect("rows").len(), assay_query::described_functions().len());
}
