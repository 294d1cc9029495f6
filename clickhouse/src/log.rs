//! The log of a chain: which blocks the tables hold, and how that came to be. Its last entry says
//! what readers may see.
//!
//! # Invariants
//!
//! * Entries are only added, each with the number after the last one's: of two writers that add the
//!   same number, one has failed. The server sees to it: the number is the token by which it drops
//!   what comes a second time.
//! * An entry is one row, so it is there or it is not. Rows of the tables above its watermark belong
//!   to nobody.

use std::collections::{BTreeSet, HashMap};

use assay_model::lake::{Extra, Finality, LakeInfo, Reorg, Replaced, RunInfo};
use assay_model::{BlockHash, BlockRef, Chain, hex};
use serde::Deserialize;

use crate::connection::WRITE_SETTINGS;
use crate::{Connection, Error, quote};

/// How often an entry is written whose fate is not known.
const MOST_ATTEMPTS: u32 = 3;

/// The log of one chain in one database.
#[derive(Clone)]
pub struct Log {
    connection: Connection,
    chain: Chain,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A writer began: none that began before may write any more.
    Open,
    /// Blocks were added.
    Append,
    /// Blocks were taken back, because the chain was reorganised.
    Revert,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Open => "open",
            Kind::Append => "append",
            Kind::Revert => "revert",
        }
    }
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number; the first has 1.
    pub sequence: u64,
    /// What happened.
    pub kind: Kind,
    /// Who wrote it: one run of the indexer.
    pub session: String,
    /// When, microseconds since 1970; 0 in one to be written if the server's clock is to say.
    pub noticed: i64,
    /// The last block whose rows are visible.
    pub watermark: Option<BlockRef>,
    /// Time in its header, Unix seconds.
    pub time: Option<i64>,
    /// Bytes of raw block data of all visible blocks.
    pub block_bytes: u64,
    /// Visible rows of each table, in the order of [`Chain::tables`].
    pub rows: Vec<u64>,
    /// How far the chain was settled.
    pub finality: Finality,
    /// Of a reorganisation, the last block that both chains have, and those that were taken back.
    pub reorg: Option<(BlockRef, Vec<Replaced>)>,
}

impl Entry {
    /// What is before the first entry of `chain`, and is never written.
    pub fn before_all(chain: Chain) -> Entry {
        Entry {
            sequence: 0,
            kind: Kind::Open,
            session: String::new(),
            noticed: 0,
            watermark: None,
            time: None,
            block_bytes: 0,
            rows: vec![0; chain.tables().len()],
            finality: Finality::default(),
            reorg: None,
        }
    }

    /// An entry after this one, of the same session, that changes nothing yet.
    pub fn next(&self, kind: Kind) -> Entry {
        Entry { sequence: self.sequence + 1, kind, noticed: 0, reorg: None, ..self.clone() }
    }
}

impl Log {
    /// The log of `chain`.
    pub fn new(connection: Connection, chain: Chain) -> Log {
        Log { connection, chain }
    }

    fn name(&self) -> String {
        quote(self.chain.name())
    }

    fn table(&self, name: &str) -> String {
        format!("{}.{name}", self.connection.database())
    }

    /// What the tables hold of the chain; `None` if they never held anything of it.
    ///
    /// # Errors
    ///
    /// If the server refuses or cannot be reached.
    pub async fn info(&self) -> Result<Option<LakeInfo>, Error> {
        #[derive(Deserialize)]
        struct Row {
            network: String,
            first_height: u64,
            extras: BTreeSet<Extra>,
            schema_version: u32,
        }
        let sql = format!(
            "SELECT network, first_height, extras, schema_version FROM {} WHERE chain = {} \
             ORDER BY made LIMIT 1",
            self.table("chains"),
            self.name()
        );
        let rows: Vec<Row> = self.connection.rows(&sql, "read what the tables hold").await?;
        Ok(rows.into_iter().next().map(|row| LakeInfo {
            schema_version: row.schema_version,
            network: row.network,
            from: row.first_height,
            extras: row.extras,
        }))
    }

    /// Writes down what the tables are to hold of the chain.
    ///
    /// # Errors
    ///
    /// If the server refuses or cannot be reached.
    pub async fn create(&self, info: &LakeInfo) -> Result<(), Error> {
        let extras: Vec<_> = info.extras.iter().map(|extra| quote(extra_name(*extra))).collect();
        let sql = format!(
            "INSERT INTO {} SELECT {}, {}, {}, [{}]::Array(String), {}, now()",
            self.table("chains"),
            self.name(),
            quote(&info.network),
            info.from,
            extras.join(", "),
            info.schema_version,
        );
        self.write(&sql, "write down what the tables are to hold").await
    }

    /// The last entry.
    ///
    /// # Errors
    ///
    /// If the server refuses or cannot be reached.
    pub async fn last(&self) -> Result<Option<Entry>, Error> {
        let rest = format!("WHERE chain = {} ORDER BY sequence DESC LIMIT 1", self.name());
        Ok(entries(&self.connection, &[STATE, REORG], &rest).await?.pop().map(|(_, entry)| entry))
    }

    /// The last entries of the chains whose entries up to some are `known`, by their sequences,
    /// without what they say of reorganisations: one question, which costs the server no more than the
    /// entries since. A chain whose log does not reach that far any more is left out.
    ///
    /// # Errors
    ///
    /// If the server refuses or cannot be reached.
    pub async fn newest(
        connection: &Connection,
        known: &[(Chain, u64)],
    ) -> Result<HashMap<Chain, Entry>, Error> {
        let since = known.iter().map(|(chain, sequence)| {
            format!("(chain = {} AND sequence >= {sequence})", quote(chain.name()))
        });
        let since = since.collect::<Vec<_>>().join(" OR ");
        let rest = format!("WHERE {since} ORDER BY sequence");
        Ok(entries(connection, &[STATE], &rest).await?.into_iter().collect())
    }

    /// What was taken back, the oldest first.
    ///
    /// # Errors
    ///
    /// If the server refuses or cannot be reached.
    pub async fn reorgs(&self) -> Result<Vec<Reorg>, Error> {
        let rest = format!("WHERE chain = {} AND kind = 'revert' ORDER BY sequence", self.name());
        let entries = entries(&self.connection, &[STATE, REORG], &rest).await?;
        let reorgs = entries.into_iter().filter_map(|(_, entry)| {
            let (common, replaced) = entry.reorg?;
            Some(Reorg { noticed: entry.noticed, common, replaced })
        });
        Ok(reorgs.collect())
    }

    /// Whether rows at or below `height` were taken back after the entry `sequence`.
    ///
    /// # Errors
    ///
    /// If the server refuses or cannot be reached.
    pub async fn was_reverted(&self, sequence: u64, height: u64) -> Result<bool, Error> {
        #[derive(Deserialize)]
        struct Row {
            reverts: u64,
        }
        let sql = format!(
            "SELECT count() AS reverts FROM {} WHERE chain = {} AND sequence > {sequence} \
             AND kind = 'revert' AND height < {height}",
            self.table("commits"),
            self.name()
        );
        let rows: Vec<Row> = self.connection.rows(&sql, "read the log").await?;
        Ok(rows.first().is_some_and(|row| row.reverts > 0))
    }

    /// Adds `entry`, unless another writer has begun: entries follow those of their own session, but
    /// for the one that opens it. Adding one again changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Taken`] if another writer has begun; else if the server refuses or cannot be reached.
    pub async fn append(&self, entry: &Entry) -> Result<(), Error> {
        let sql = self.insertion(entry);
        let token = format!("{}:{}", self.chain, entry.sequence);
        let mut settings = WRITE_SETTINGS.to_vec();
        settings.extend([("insert_deduplicate", "1"), ("insert_deduplication_token", &*token)]);
        let mut attempt = 1;
        loop {
            let written = self.connection.execute_with(&sql, "write to the log", &settings).await;
            // Whatever was answered, the log knows.
            match (self.last().await, written) {
                (Ok(Some(last)), _)
                    if (last.sequence, &last.session) == (entry.sequence, &entry.session) =>
                {
                    return Ok(());
                }
                (Err(error), Ok(())) | (_, Err(error)) => return Err(error),
                (Ok(Some(last)), Ok(())) if last.session != entry.session => {
                    return Err(self.taken());
                }
                (Ok(_), Ok(())) if attempt < MOST_ATTEMPTS => attempt += 1,
                (Ok(_), Ok(())) => {
                    return Err(Error::Lost { place: self.connection.address().to_string() });
                }
            }
        }
    }

    /// What is to be said when another writer has begun.
    pub fn taken(&self) -> Error {
        Error::Taken { place: self.connection.address().to_string(), chain: self.chain.name() }
    }

    async fn write(&self, sql: &str, action: &str) -> Result<(), Error> {
        self.connection.execute_with(sql, action, &WRITE_SETTINGS).await
    }

    fn insertion(&self, entry: &Entry) -> String {
        let commits = self.table("commits");
        let chain = self.name();
        let last = |what: &str| format!("(SELECT {what} FROM {commits} WHERE chain = {chain})");
        let mut follows =
            format!("{} = {}", last("max(sequence)"), entry.sequence.saturating_sub(1));
        if entry.kind != Kind::Open {
            let session = quote(&entry.session);
            follows += &format!(" AND {} = {session}", last("argMax(toString(session), sequence)"));
        }
        let rows: Vec<_> = entry.rows.iter().map(u64::to_string).collect();
        let (common, replaced) = match &entry.reorg {
            Some((common, replaced)) => (Some(*common), replaced.as_slice()),
            None => (None, &[][..]),
        };
        let replaced: Vec<_> = replaced.iter().map(replaced_literal).collect();
        let noticed = match entry.noticed {
            0 => "now64(6)".to_owned(),
            micros => format!("fromUnixTimestamp64Micro({micros}, 'UTC')"),
        };
        let watermark = entry.watermark;
        format!(
            "INSERT INTO {commits} (chain, sequence, kind, session, noticed, height, hash, parent, \
             time, block_bytes, rows, safe_height, safe_hash, safe_parent, finalized_height, \
             finalized_hash, finalized_parent, common_height, common_hash, common_parent, replaced, \
             program_version) \
             SELECT {chain}, {sequence}, '{kind}', {session}, {noticed}, {height}, {hash}, {parent}, \
             {time}, {block_bytes}, [{rows}]::Array(UInt64), {safe}, {finalized}, {common}, \
             [{replaced}]::Array(Tuple(height Int64, hash FixedString(32), by FixedString(32), \
             has_by Bool)), {version} WHERE {follows}",
            sequence = entry.sequence,
            kind = entry.kind.name(),
            session = quote(&entry.session),
            height = watermark.map_or(-1, |block| block.height as i64),
            hash = hash_literal(watermark.map(|block| block.hash)),
            parent = hash_literal(watermark.map(|block| block.parent)),
            time = entry.time.map_or("NULL".to_owned(), |time| time.to_string()),
            block_bytes = entry.block_bytes,
            rows = rows.join(", "),
            safe = block_literals(entry.finality.safe),
            finalized = block_literals(entry.finality.finalized),
            common = block_literals(common),
            replaced = replaced.join(", "),
            version = quote(env!("CARGO_PKG_VERSION")),
        )
    }

    /// Writes down what a run did, for people who ask later.
    ///
    /// # Errors
    ///
    /// If the server refuses or cannot be reached.
    pub async fn record_run(&self, run: &RunInfo) -> Result<(), Error> {
        let sql = format!(
            "INSERT INTO {} (chain, program_version, started, seconds, from_height, to_height, \
             block_bytes) VALUES ({}, {}, {}, {}, {}, {}, {})",
            self.table("runs"),
            self.name(),
            quote(&run.program_version),
            run.started,
            run.seconds,
            run.from,
            run.to,
            run.block_bytes
        );
        self.write(&sql, "write down what the run did").await
    }

    /// What the last run did.
    ///
    /// # Errors
    ///
    /// If the server refuses or cannot be reached.
    pub async fn last_run(&self) -> Result<Option<RunInfo>, Error> {
        let sql = format!(
            "SELECT program_version, toUnixTimestamp(started) AS started, seconds, \
             from_height AS `from`, to_height AS `to`, block_bytes FROM {} WHERE chain = {} \
             ORDER BY runs.started DESC LIMIT 1",
            self.table("runs"),
            self.name()
        );
        Ok(self.connection.rows(&sql, "read what the last run did").await?.pop())
    }
}

/// The name of an extra in the table `chains`, which is the one in a lake's file.
fn extra_name(extra: Extra) -> &'static str {
    match extra {
        Extra::Scripts => "scripts",
        Extra::Traces => "traces",
        Extra::Genesis => "genesis",
        Extra::DaoMove => "dao_move",
    }
}

fn hash_literal(hash: Option<BlockHash>) -> String {
    format!("unhex('{}')", hex::encode(&hash.unwrap_or_default().0))
}

/// Height, hash and parent.
fn block_literals(block: Option<BlockRef>) -> String {
    let height = block.map_or("NULL".to_owned(), |block| block.height.to_string());
    let (hash, parent) = (block.map(|block| block.hash), block.map(|block| block.parent));
    format!("{height}, {}, {}", hash_literal(hash), hash_literal(parent))
}

fn replaced_literal(block: &Replaced) -> String {
    let (hash, by) = (hash_literal(Some(block.hash)), hash_literal(block.by));
    format!("({}, {hash}, {by}, {})", block.height, block.by.is_some())
}

/// Columns of an entry that say what the tables hold.
const STATE: &str = "chain, sequence, kind, toString(session) AS session, height, hex(hash) AS hash, \
    hex(parent) AS parent, toUnixTimestamp(time) AS time, block_bytes, rows, safe_height, \
    hex(safe_hash) AS safe_hash, hex(safe_parent) AS safe_parent, finalized_height, \
    hex(finalized_hash) AS finalized_hash, hex(finalized_parent) AS finalized_parent";
/// Those that say what was taken back, and when.
const REORG: &str = "toUnixTimestamp64Micro(noticed) AS noticed, common_height, \
    hex(common_hash) AS common_hash, hex(common_parent) AS common_parent, \
    arrayMap(r -> tuple(r.1, hex(r.2), hex(r.3), r.4), replaced) AS replaced";

/// The entries that `rest` of a statement chooses, each with its chain; of what is not among `columns`
/// they know nothing.
async fn entries(
    connection: &Connection,
    columns: &[&str],
    rest: &str,
) -> Result<Vec<(Chain, Entry)>, Error> {
    let columns = columns.join(", ");
    let sql = format!("SELECT {columns} FROM {}.commits {rest}", connection.database());
    let rows: Vec<Row> = connection.rows(&sql, "read the log").await?;
    let of_chain = |row: Row| {
        let chain = Chain::ALL.into_iter().find(|chain| chain.name() == row.chain)?;
        Some((chain, row.entry()))
    };
    Ok(rows.into_iter().filter_map(of_chain).collect())
}

/// A row of the table `commits`, as it is read.
#[derive(Deserialize)]
struct Row {
    chain: String,
    sequence: u64,
    kind: Kind,
    session: String,
    #[serde(default)]
    noticed: i64,
    height: i64,
    hash: BlockHash,
    parent: BlockHash,
    time: Option<i64>,
    block_bytes: u64,
    rows: Vec<u64>,
    safe_height: Option<u64>,
    safe_hash: BlockHash,
    safe_parent: BlockHash,
    finalized_height: Option<u64>,
    finalized_hash: BlockHash,
    finalized_parent: BlockHash,
    #[serde(default)]
    common_height: Option<u64>,
    #[serde(default)]
    common_hash: BlockHash,
    #[serde(default)]
    common_parent: BlockHash,
    #[serde(default)]
    replaced: Vec<(u64, BlockHash, BlockHash, bool)>,
}

impl Row {
    fn entry(self) -> Entry {
        let block = |height: Option<u64>, hash, parent| {
            height.map(|height| BlockRef { height, hash, parent })
        };
        let replaced = self.replaced.into_iter().map(|(height, hash, by, has_by)| Replaced {
            height,
            hash,
            by: has_by.then_some(by),
        });
        let common = block(self.common_height, self.common_hash, self.common_parent);
        Entry {
            sequence: self.sequence,
            kind: self.kind,
            session: self.session,
            noticed: self.noticed,
            watermark: block(u64::try_from(self.height).ok(), self.hash, self.parent),
            time: self.time,
            block_bytes: self.block_bytes,
            rows: self.rows,
            finality: Finality {
                safe: block(self.safe_height, self.safe_hash, self.safe_parent),
                finalized: block(self.finalized_height, self.finalized_hash, self.finalized_parent),
            },
            reorg: common.map(|common| (common, replaced.collect())),
        }
    }
}
