//! What a ClickHouse server says of the chains in a database.

use std::collections::BTreeMap;

use anyhow::ensure;
use assay_clickhouse::{Access, Connection, Entry, Log, Schema, quote, schema, table_name};
use assay_model::lake::{FileInfo, SegmentInfo};
use assay_model::{BlockHash, Chain};
use serde::Deserialize;

use super::{Segment, StoredChain};
use crate::store::Server;

/// What says how many rows there are.
const LOG: &str = "the log";

/// Size and parts of a table.
#[derive(Debug, Deserialize)]
struct Parts {
    table: String,
    parts: u64,
    bytes: u64,
}

/// Every chain of the database; an error if there is none.
pub async fn chains(server: &Server) -> anyhow::Result<Vec<StoredChain>> {
    let connection = server.connect()?;
    let schema = schema(&connection, Access::Read).await?;
    let parts = parts(&connection, &schema).await?;
    let mut chains = Vec::new();
    for chain in Chain::ALL {
        let log = Log::new(connection.clone(), chain);
        let Some(info) = log.info().await? else { continue };
        let last = log.last().await?;
        let segments: Vec<_> =
            last.iter().filter_map(|last| whole(chain, last, info.from, &parts)).collect();
        chains.push(StoredChain {
            chain,
            dir: None,
            info,
            finality: last.map(|last| last.finality).unwrap_or_default(),
            reorgs: log.reorgs().await?,
            segments,
            pieces: of_chain(chain, &parts).map(|(_, parts)| parts.parts).sum(),
            log: LOG,
            last_run: log.last_run().await?,
            has_writer: None,
        });
    }
    ensure!(
        !chains.is_empty(),
        "no chain in {}: run `assay index` first, or `assay store copy`",
        server.address
    );
    Ok(chains)
}

/// All that the log says is visible of `chain`, as one segment; none before the first block.
fn whole(chain: Chain, last: &Entry, from: u64, parts: &[Parts]) -> Option<Segment> {
    let watermark = last.watermark?;
    let bytes: BTreeMap<_, _> =
        of_chain(chain, parts).map(|(table, parts)| (table, parts.bytes)).collect();
    let tables = chain.tables().iter().zip(&last.rows).map(|(table, rows)| {
        let bytes = bytes.get(table.name).copied().unwrap_or(0);
        (table.name.to_owned(), FileInfo { rows: *rows, bytes })
    });
    let heights = from..watermark.height + 1;
    let info = SegmentInfo {
        from,
        to: heights.end,
        parent: BlockHash::default(),
        last: watermark.hash,
        last_parent: watermark.parent,
        block_bytes: last.block_bytes,
        tables: tables.collect(),
    };
    Some(Segment { heights, dir: None, info })
}

/// The tables of `chain` among `parts`.
fn of_chain(chain: Chain, parts: &[Parts]) -> impl Iterator<Item = (&'static str, &Parts)> {
    chain.tables().iter().filter_map(|table| {
        let found = parts.iter().find(|parts| parts.table == table_name(table))?;
        Some((table.name, found))
    })
}

async fn parts(connection: &Connection, schema: &Schema) -> anyhow::Result<Vec<Parts>> {
    let source = match &schema.cluster {
        None => "system.parts".to_owned(),
        Some(cluster) => format!("clusterAllReplicas({}, system.parts)", quote(&cluster.name)),
    };
    // On a cluster the rows are in other tables than the ones that are asked.
    let sql = format!(
        "SELECT replaceRegexpOne(table, '_local$', '') AS table, count() AS parts, \
         sum(bytes_on_disk) AS bytes FROM {source} WHERE active AND database = {} GROUP BY table",
        quote(connection.database())
    );
    Ok(connection.rows(&sql, "read how large the tables are").await?)
}
