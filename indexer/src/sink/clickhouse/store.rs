//! What the sink asks of the server, statement by statement.

use std::ops::Range;

use assay_clickhouse::{
    Connection, Entry, Error, Insert, Log, Schema, local_name, quote, table_name,
};
use assay_model::{BlockHash, BlockRef, Chain, Table};
use futures::future::try_join_all;
use serde::Deserialize;

use super::EncodedBatch;
use crate::sink::SinkError;

/// A removal is done when it is done everywhere.
const REMOVE_SETTINGS: [(&str, &str); 2] =
    [("lightweight_deletes_sync", "2"), ("mutations_sync", "2")];

/// The tables of one chain, for one session of writing.
pub(super) struct Store {
    connection: Connection,
    schema: Schema,
    pub log: Log,
    pub chain: Chain,
    /// What tells this session from all others.
    pub session: String,
}

impl Store {
    pub async fn new(
        connection: Connection,
        schema: Schema,
        log: Log,
        chain: Chain,
    ) -> Result<Store, Error> {
        #[derive(Deserialize)]
        struct Row {
            session: String,
        }
        let sql = "SELECT toString(generateUUIDv4()) AS session";
        let rows: Vec<Row> = connection.rows(sql, "begin a session").await?;
        let row = rows.into_iter().next();
        let session = row.ok_or_else(|| Error::Lost { place: connection.address().to_string() })?;
        Ok(Store { connection, schema, log, chain, session: session.session })
    }

    /// What the ids of all inserts into the chain's tables begin with, whoever makes them.
    fn query_prefix(&self) -> String {
        format!("assay:{}:{}:", self.connection.database(), self.chain)
    }

    /// The last entry in the log, which must be one of this session.
    pub async fn own_last(&self) -> Result<Entry, Error> {
        let last = self.log.last().await?;
        last.filter(|last| last.session == self.session).ok_or_else(|| self.log.taken())
    }

    /// Stores the rows of all tables, side by side, if nothing came after the entry `sequence` of the
    /// log: a writer that has slept must not touch what another one has stored meanwhile.
    pub async fn insert(
        &self,
        batch: &EncodedBatch,
        sequence: u64,
        token: &str,
    ) -> Result<(), Error> {
        if self.own_last().await?.sequence != sequence {
            return Err(self.log.taken());
        }
        let Range { start, end } = batch.heights();
        let tables = batch.tables.iter().filter(|table| table.rows > 0).map(|rows| async move {
            let table = table_name(rows.table);
            let action = format!("insert into {table}, heights {start} to {}", end - 1);
            let name = rows.table.name;
            // The id of a statement may be used again when it has ended: a second attempt may begin
            // before the server has noticed the end of the first.
            let at = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            let at = at.unwrap_or_default().as_micros();
            let query_id = format!("{}{}:{name}:{start}:{at}", self.query_prefix(), self.session);
            let insert = Insert {
                table: &table,
                rows: rows.stream.clone(),
                query_id: &query_id,
                token: &format!("{token}:{start}:{end}"),
                action: &action,
            };
            self.connection.insert(insert).await
        });
        try_join_all(tables).await.map(|_| ())
    }

    /// Rows of each table with `heights`, visible or not.
    pub async fn count(&self, heights: Range<u64>) -> Result<Vec<u64>, Error> {
        #[derive(Deserialize)]
        struct Row {
            rows: u64,
        }
        let database = self.connection.database();
        let counts = self.chain.tables().iter().enumerate().map(|(place, table)| {
            let name = table_name(table);
            let within = within(&heights);
            format!(
                "SELECT {place} AS place, count() AS rows FROM {database}.{name} WHERE {within}"
            )
        });
        let counts = counts.collect::<Vec<_>>().join(" UNION ALL ");
        let sql = format!("SELECT rows FROM ({counts}) ORDER BY place");
        let action = format!("count the rows of heights {} to {}", heights.start, heights.end - 1);
        let rows: Vec<Row> = self.connection.rows(&sql, &action).await?;
        Ok(rows.into_iter().map(|row| row.rows).collect())
    }

    /// What is to be said when `counted` rows are there after those of `batch` were stored.
    pub fn miscounted(&self, batch: &EncodedBatch, counted: &[u64]) -> SinkError {
        let mut tables = batch.tables.iter().zip(counted);
        let wrong = tables.find(|(table, counted)| table.rows != **counted);
        let (table, expected, found) = match wrong {
            Some((table, found)) => (table.table.full_name(), table.rows, *found),
            None => (self.chain.to_string(), 0, 0),
        };
        SinkError::Miscounted {
            place: self.connection.address().to_string(),
            table,
            first: batch.first.height,
            last: batch.last.height,
            expected,
            found,
        }
    }

    /// The blocks of `heights`, and the size of each, bytes.
    pub async fn blocks(&self, heights: Range<u64>) -> Result<Vec<(BlockRef, u64)>, Error> {
        #[derive(Deserialize)]
        struct Row {
            height: u64,
            hash: BlockHash,
            parent: BlockHash,
            size: u64,
        }
        let sql = format!(
            "SELECT height, hex(hash) AS hash, hex(parent_hash) AS parent, size FROM {} AS blocks \
             WHERE {} ORDER BY blocks.height",
            self.name(self.chain.blocks()),
            within(&heights)
        );
        let rows: Vec<Row> = self.connection.rows(&sql, "read which blocks are there").await?;
        let block = |Row { height, hash, parent, size }| (BlockRef { height, hash, parent }, size);
        Ok(rows.into_iter().map(block).collect())
    }

    /// Time in the header of the block at `height`, Unix seconds.
    pub async fn time_at(&self, height: u64) -> Result<Option<i64>, Error> {
        #[derive(Deserialize)]
        struct Row {
            time: i64,
        }
        let sql = format!(
            "SELECT toUnixTimestamp(blocks.time) AS time FROM {} AS blocks WHERE height = {height}",
            self.name(self.chain.blocks())
        );
        let rows: Vec<Row> = self.connection.rows(&sql, "read the time of a block").await?;
        Ok(rows.first().map(|row| row.time))
    }

    /// Ends all inserts into the chain's tables, whoever began them, and waits until they have ended.
    pub async fn end_inserts(&self) -> Result<(), Error> {
        let sql = format!(
            "KILL QUERY {} WHERE startsWith(initial_query_id, {}) SYNC",
            self.schema.on_cluster(),
            quote(&self.query_prefix())
        );
        let action = "end inserts that nobody waits for";
        self.schema.execute_everywhere(&self.connection, &sql, action, &[]).await
    }

    /// Removes all rows from height `next` on.
    pub async fn remove_from(&self, next: u64) -> Result<(), Error> {
        if self.count(next..i64::MAX as u64).await?.iter().all(|rows| *rows == 0) {
            return Ok(());
        }
        let database = self.connection.database();
        let tables = self.chain.tables().iter().map(|table| async move {
            let (name, local) = (table_name(table), local_name(table));
            let target = if self.schema.cluster.is_some() { &local } else { &name };
            let sql = format!(
                "DELETE FROM {database}.{target} {} WHERE height >= {next}",
                self.schema.on_cluster()
            );
            let action = format!("remove the rows of {name} from height {next} on");
            self.schema.execute_everywhere(&self.connection, &sql, &action, &REMOVE_SETTINGS).await
        });
        try_join_all(tables).await.map(|_| ())
    }

    fn name(&self, table: &Table) -> String {
        format!("{}.{}", self.connection.database(), table_name(table))
    }
}

fn within(heights: &Range<u64>) -> String {
    format!("height >= {} AND height < {}", heights.start, heights.end)
}
