//! A server, and what the log of its chains says at one moment.
//!
//! # Invariants
//!
//! * A snapshot is the last entry of each chain's log: it is read once for a statement.
//! * Block times are those of the snapshot's chain: they end with its last block, and each block
//!   names the one before it by its hash.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, UInt32Type};
use assay_clickhouse::{Access, Address, Connection, Entry, Log, quote, schema, table_name};
use assay_model::lake::{LakeInfo, Reorg, SCHEMA_VERSION};
use assay_model::{Chain, Table, hex};
use futures::TryStreamExt;
use futures::future::try_join_all;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::QueryError;
use crate::catalog::snapshot::{ChainSnapshot, Rows, Tip};

/// Microseconds of a second.
const MICROS: i64 = 1_000_000;

/// A database with chains in it.
pub(crate) struct Server {
    connection: Connection,
    chains: Vec<Arc<Logged>>,
}

/// A chain there.
pub(crate) struct Logged {
    pub(crate) connection: Connection,
    chain: Chain,
    log: Log,
    widths: Arc<Widths>,
    /// What it is; once it is known, it stays.
    info: OnceLock<LakeInfo>,
    /// The last entry of the log that was seen; 0 before the first.
    seen: AtomicU64,
    times: Mutex<Times>,
}

/// Bytes of the columns that have the same number of them in every row.
#[derive(Debug, Default)]
struct Widths(HashMap<(String, String), usize>);

/// Header times of the blocks from the first height to one of them.
#[derive(Default)]
struct Times {
    last: Option<Tip>,
    micros: Arc<Vec<i64>>,
}

/// What the log of a chain says at one moment.
pub(crate) struct Commit {
    pub(crate) logged: Arc<Logged>,
    entry: Option<Entry>,
    /// Whether rows were asked for.
    was_read: AtomicBool,
    times: OnceLock<Arc<Vec<i64>>>,
}

impl std::fmt::Debug for Commit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Commit").field("entry", &self.entry).finish_non_exhaustive()
    }
}

impl Server {
    /// The database at `address`.
    pub(crate) async fn open(
        address: &Address,
        password: Option<&str>,
    ) -> Result<Server, QueryError> {
        let connection = Connection::new(address, password)?;
        schema(&connection, Access::Read).await?;
        let widths = Arc::new(Widths::read(&connection).await?);
        let chains = Chain::ALL.map(|chain| {
            Arc::new(Logged {
                connection: connection.clone(),
                chain,
                log: Log::new(connection.clone(), chain),
                widths: Arc::clone(&widths),
                info: OnceLock::new(),
                seen: AtomicU64::new(0),
                times: Mutex::default(),
            })
        });
        let server = Server { connection, chains: chains.into() };
        if server.chains().await?.is_empty() {
            return Err(QueryError::NoChain { place: address.to_string() });
        }
        Ok(server)
    }

    /// What is there now.
    pub(crate) async fn chains(&self) -> Result<Vec<Arc<ChainSnapshot>>, QueryError> {
        let seen =
            self.chains.iter().map(|logged| (logged.chain, logged.seen.load(Ordering::Relaxed)));
        let seen: Vec<_> = seen.filter(|(_, sequence)| *sequence > 0).collect();
        let mut newest = match seen.as_slice() {
            [] => HashMap::new(),
            seen => Log::newest(&self.connection, seen).await?,
        };
        let chains = self.chains.iter().map(|logged| logged.snapshot(newest.remove(&logged.chain)));
        let chains = try_join_all(chains).await?;
        Ok(chains.into_iter().flatten().map(Arc::new).collect())
    }
}

impl Logged {
    /// What its log says, whose last entry is `newest` if that is known; `None` if the chain is not
    /// there.
    async fn snapshot(
        self: &Arc<Logged>,
        newest: Option<Entry>,
    ) -> Result<Option<ChainSnapshot>, QueryError> {
        let info = match self.info.get() {
            Some(info) => info.clone(),
            None => match self.log.info().await? {
                Some(info) if info.schema_version != SCHEMA_VERSION => {
                    return Err(QueryError::StoreVersion {
                        place: self.connection.address().to_string(),
                        found: info.schema_version,
                        expected: SCHEMA_VERSION,
                    });
                }
                Some(info) => self.info.get_or_init(|| info).clone(),
                None => return Ok(None),
            },
        };
        let entry = match newest {
            Some(entry) => Some(entry),
            None => self.log.last().await?,
        };
        self.seen.store(entry.as_ref().map_or(0, |entry| entry.sequence), Ordering::Relaxed);
        let finality = entry.as_ref().map(|entry| entry.finality).unwrap_or_default();
        let watermark = entry.as_ref().and_then(|entry| entry.watermark);
        let tip = watermark.map(|block| Tip { height: block.height, hash: block.hash });
        let rows = Rows::ClickHouse(Arc::new(Commit {
            logged: Arc::clone(self),
            entry,
            was_read: AtomicBool::new(false),
            times: OnceLock::new(),
        }));
        Ok(Some(ChainSnapshot::new(self.chain, info, finality, tip, rows)))
    }

    /// Bytes of every value in a column of `table`; `None` if they differ.
    pub(crate) fn width(&self, table: &Table, column: &str) -> Option<usize> {
        self.widths.0.get(&(table_name(table), column.to_owned())).copied()
    }

    /// Header times up to `tip`, as far as the blocks are there without a gap; those that are known
    /// already are not asked for again.
    async fn times_to(&self, first: u64, tip: Tip) -> Result<Arc<Vec<i64>>, QueryError> {
        let mut times = self.times.lock().await;
        let known = match times.last {
            Some(last) if last == tip => return Ok(Arc::clone(&times.micros)),
            // Blocks name those before them, so if this one is as it was, so are they.
            Some(last) if last.height < tip.height && self.has(last).await? => {
                (last.height + 1 - first) as usize
            }
            _ => 0,
        };
        let mut micros = times.micros[..known].to_vec();
        let sql = format!(
            "SELECT height, time FROM {}.{}_blocks WHERE height BETWEEN {} AND {} ORDER BY height",
            self.connection.database(),
            self.chain,
            first + known as u64,
            tip.height
        );
        let mut batches = self.connection.batches(&sql, "read the times of blocks").await?;
        while let Some(rows) = batches.try_next().await? {
            let heights = rows.column(0).as_primitive_opt::<Int64Type>();
            let seconds = rows.column(1).as_primitive_opt::<UInt32Type>();
            let Some((heights, seconds)) = heights.zip(seconds) else { break };
            for (height, seconds) in heights.values().iter().zip(seconds.values()) {
                if *height == (first + micros.len() as u64) as i64 {
                    micros.push(i64::from(*seconds) * MICROS);
                }
            }
        }
        let micros = Arc::new(micros);
        if micros.len() as u64 == tip.height + 1 - first && self.has(tip).await? {
            *times = Times { last: Some(tip), micros: Arc::clone(&micros) };
        }
        Ok(micros)
    }

    /// Whether the block `tip` is there.
    async fn has(&self, tip: Tip) -> Result<bool, QueryError> {
        #[derive(Deserialize)]
        struct Row {
            blocks: u64,
        }
        let sql = format!(
            "SELECT count() AS blocks FROM {}.{}_blocks WHERE height = {} AND hash = unhex('{}')",
            self.connection.database(),
            self.chain,
            tip.height,
            hex::encode(&tip.hash.0)
        );
        let rows: Vec<Row> = self.connection.rows(&sql, "look for a block").await?;
        Ok(rows.first().is_some_and(|row| row.blocks > 0))
    }
}

impl Widths {
    async fn read(connection: &Connection) -> Result<Widths, QueryError> {
        #[derive(Deserialize)]
        struct Row {
            table: String,
            name: String,
            width: usize,
        }
        let sql = format!(
            "SELECT table, name, toUInt32(extract(type, 'FixedString\\\\((\\\\d+)\\\\)')) AS width \
             FROM system.columns WHERE database = {} AND match(type, \
             '^(Nullable\\\\()?FixedString\\\\(')",
            quote(connection.database())
        );
        let rows: Vec<Row> = connection.rows(&sql, "read how wide columns are").await?;
        Ok(Widths(rows.into_iter().map(|row| ((row.table, row.name), row.width)).collect()))
    }
}

impl Commit {
    /// Whether it is the same entry of the log.
    pub(crate) fn is_as(&self, other: &Commit) -> bool {
        self.entry == other.entry
    }

    /// Rows of `table` that are visible.
    pub(crate) fn row_count(&self, table: &Table) -> usize {
        let place = table.chain.tables().iter().position(|other| other.name == table.name);
        let rows = self.entry.as_ref().map_or(&[][..], |entry| &entry.rows);
        place.and_then(|place| rows.get(place)).map_or(0, |rows| *rows as usize)
    }

    /// Notes that rows are asked for, so that they are to be those of this moment until the end.
    pub(crate) fn note_read(&self) {
        self.was_read.store(true, Ordering::Relaxed);
    }

    /// Fails if rows that were asked for may have been taken back since.
    pub(crate) async fn check_unchanged(&self, tip: Option<Tip>) -> Result<(), QueryError> {
        let (Some(entry), Some(tip)) = (&self.entry, tip) else { return Ok(()) };
        if self.was_read.load(Ordering::Relaxed)
            && self.logged.log.was_reverted(entry.sequence, tip.height).await?
        {
            return Err(QueryError::Reorganised { chain: self.logged.chain.name() });
        }
        Ok(())
    }

    /// Header time of the last block, microseconds since 1970.
    pub(crate) fn tip_time(&self) -> Option<i64> {
        self.entry.as_ref()?.time.map(|seconds| seconds * MICROS)
    }

    /// Loads the header times of all blocks.
    pub(crate) async fn load_times(
        &self,
        info: &LakeInfo,
        tip: Option<Tip>,
    ) -> Result<(), QueryError> {
        if let Some(tip) = tip
            && self.times.get().is_none()
        {
            self.note_read();
            let times = self.logged.times_to(info.from, tip).await?;
            if times.len() as u64 != tip.height + 1 - info.from {
                self.check_unchanged(Some(tip)).await?;
                let place = self.logged.connection.address().to_string();
                return Err(QueryError::Gap { place, chain: self.logged.chain.name() });
            }
            self.times.get_or_init(|| times);
        }
        Ok(())
    }

    /// Header times of all blocks from the first height on, microseconds since 1970; none before
    /// [`Commit::load_times`].
    pub(crate) fn times(&self) -> &[i64] {
        self.times.get().map_or(&[], |times| times)
    }

    /// What was taken back, the oldest first.
    pub(crate) async fn reorgs(&self) -> Result<Vec<Reorg>, QueryError> {
        Ok(self.logged.log.reorgs().await?)
    }
}
