//! Databases on the server of this test program, and what is in them.

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use assay_clickhouse::{Connection, Limits, Log, conform, table_name};
use assay_fixtures::clickhouse::ClickHouse;
use assay_model::{Batch, Chain, Table};
use futures::TryStreamExt;
use serde::Deserialize;

/// How long things may take in tests: a silent server is to be noticed soon.
pub const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    gone: Duration::from_secs(5),
    answer: Duration::from_secs(5),
    work: Duration::from_secs(20),
};

/// A connection to the database `name` of the server that listens on `port`.
pub fn connect(port: u16, name: &str) -> Connection {
    connect_as(port, name, "")
}

/// The same as `user`, who needs no password.
pub fn connect_as(port: u16, name: &str, user: &str) -> Connection {
    let user = if user.is_empty() { String::new() } else { format!("{user}@") };
    let address = format!("clickhouse://{user}127.0.0.1:{port}/{name}");
    let address = address.parse().expect("an address");
    Connection::with_limits(&address, None, LIMITS).expect("certificates")
}

/// A connection to the database `name` of the one server.
pub fn shared(name: &str) -> Option<Connection> {
    Some(connect(ClickHouse::shared()?.port(), name))
}

/// All rows of `table` that are in the database, visible or not, in the order of its key.
pub async fn all_rows(connection: &Connection, table: &Table) -> RecordBatch {
    let sql = format!(
        "SELECT * FROM {}.{} ORDER BY {}",
        connection.database(),
        table_name(table),
        table.key.join(", ")
    );
    let batches = connection.batches(&sql, "read all rows").await.expect("readable");
    let rows: Vec<RecordBatch> = batches.try_collect().await.expect("readable to the end");
    let schema = table.schema();
    let rows: Vec<_> =
        rows.iter().map(|rows| conform(rows, &schema).expect("the model's types")).collect();
    concat_batches(&schema, &rows).expect("one schema")
}

/// What the log says of the visible rows of each table.
pub async fn logged_rows(connection: &Connection, chain: Chain) -> Vec<u64> {
    let last = Log::new(connection.clone(), chain).last().await.expect("readable");
    last.expect("an entry").rows
}

/// That the database holds the rows of `batches`, and no others, and that the log says so.
pub async fn assert_holds(connection: &Connection, chain: Chain, batches: &[Batch]) {
    let mut counts = Vec::new();
    for (place, table) in chain.tables().iter().enumerate() {
        let parts: Vec<_> = batches
            .iter()
            .map(|batch| batch.tables().nth(place).expect("every table").1.clone())
            .collect();
        let wanted = concat_batches(&table.schema(), &parts).expect("one schema");
        let found = all_rows(connection, table).await;
        assert_eq!(found.num_rows(), wanted.num_rows(), "rows of {}", table.full_name());
        for (column, (found, wanted)) in
            table.columns.iter().zip(found.columns().iter().zip(wanted.columns()))
        {
            assert!(found == wanted, "{}.{} differs", table.full_name(), column.name);
        }
        counts.push(wanted.num_rows() as u64);
    }
    assert_eq!(logged_rows(connection, chain).await, counts, "rows that the log speaks of");
}

/// What a reader sees who looks in the middle of everything: that the blocks up to the watermark are
/// there, each once, unless they were taken back meanwhile.
pub async fn look(connection: &Connection, chain: Chain) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Row {
        blocks: u64,
        heights: u64,
    }
    let log = Log::new(connection.clone(), chain);
    let Ok(Some(last)) = log.last().await else { return Ok(()) };
    let Some(watermark) = last.watermark else { return Ok(()) };
    let sql = format!(
        "SELECT count() AS blocks, uniqExact(height) AS heights FROM {}.{} WHERE height <= {}",
        connection.database(),
        table_name(chain.blocks()),
        watermark.height
    );
    let Ok(rows) = connection.rows::<Row>(&sql, "look").await else { return Ok(()) };
    match log.was_reverted(last.sequence, watermark.height).await {
        Ok(false) => {}
        _ => return Ok(()),
    }
    let (blocks, heights) = (rows[0].blocks, rows[0].heights);
    let wanted = watermark.height + 1;
    if (blocks, heights) == (wanted, wanted) {
        return Ok(());
    }
    Err(format!("{blocks} blocks at {heights} heights are visible, where {wanted} are to be"))
}
