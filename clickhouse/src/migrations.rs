//! The files `sql/clickhouse/NNNN_*.sql`, applied in their order and recorded.
//!
//! # Invariants
//!
//! * A file is never changed after it was released; that its text is the one that was applied is
//!   checked by its SHA-256.
//! * Applying is idempotent: a migration that was cut short goes on where it was.
//! * The columns of every table are the model's; what people read about them is, too.

use assay_model::{Chain, Column, ColumnType, Table, hex};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::connection::WRITE_SETTINGS;
use crate::statements::Words;
use crate::{Cluster, Connection, Error, Schema, is_given, local_name, quote, table_name};

/// A file.
struct Migration {
    name: &'static str,
    sql: &'static str,
}

const MIGRATIONS: [Migration; 5] = [
    Migration { name: "0001_log", sql: include_str!("../../sql/clickhouse/0001_log.sql") },
    Migration { name: "0002_bitcoin", sql: include_str!("../../sql/clickhouse/0002_bitcoin.sql") },
    Migration {
        name: "0003_ethereum",
        sql: include_str!("../../sql/clickhouse/0003_ethereum.sql"),
    },
    Migration { name: "0004_indexes", sql: include_str!("../../sql/clickhouse/0004_indexes.sql") },
    Migration { name: "0005_roles", sql: include_str!("../../sql/clickhouse/0005_roles.sql") },
];

/// The number of the last migration that this program knows.
pub const LATEST: u32 = MIGRATIONS.len() as u32;

/// The table of what was applied: on a cluster on the first shard, like the log.
const RECORDS: &str = "\
CREATE TABLE IF NOT EXISTS $db.migrations$local $on_cluster
(
    number UInt32,
    name String,
    checksum String,
    cluster String,
    has_keeper Bool,
    applied DateTime('UTC'),
    program_version String
)
ENGINE = $merge_tree
ORDER BY number;

-- cluster only
CREATE TABLE IF NOT EXISTS $db.migrations $on_cluster AS $db.migrations_local
ENGINE = Distributed($cluster, $db, migrations_local, has_keeper * 0);
";

/// What a server says that has its users in files: ACCESS_STORAGE_READONLY, ACCESS_DENIED,
/// ACCESS_STORAGE_FOR_INSERTION_NOT_FOUND.
const NO_USERS: [i32; 3] = [495, 497, 514];

/// What was done by [`migrate`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrated {
    /// Names of the migrations that were applied.
    pub applied: Vec<&'static str>,
    /// Whether roles could not be made: the server has its users in files.
    pub without_roles: bool,
}

/// A row of the table `migrations`.
#[derive(Debug, Deserialize)]
struct Record {
    number: u32,
    name: String,
    checksum: String,
    cluster: String,
    has_keeper: bool,
}

impl Record {
    /// What it was applied to.
    fn schema(&self) -> Schema {
        let Record { cluster: name, has_keeper, .. } = self;
        let cluster = Cluster { name: name.clone(), has_keeper: *has_keeper };
        Schema { cluster: Some(cluster).filter(|cluster| !cluster.name.is_empty()) }
    }
}

/// What somebody wants with the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To read what is shown: columns that the user may not see are not missed.
    Read,
    /// To write, which needs every column.
    Write,
}

/// The tables behind `connection`, for `access`.
///
/// # Errors
///
/// If they are not those of this program: older, newer or changed; or if the server refuses or
/// cannot be reached.
pub async fn schema(connection: &Connection, access: Access) -> Result<Schema, Error> {
    let place = || connection.address().to_string();
    let records = records(connection).await?;
    check(connection, &records)?;
    let found = records.len() as u32;
    if found < LATEST {
        return Err(Error::OldSchema { place: place(), found, wanted: LATEST });
    }
    check_columns(connection, &columns(connection).await?, access)?;
    let schema = records.first().map_or(Schema { cluster: None }, Record::schema);
    if schema.cluster.is_none() {
        schema.check_nodes(connection).await?;
    }
    Ok(schema)
}

/// Makes or brings up to date the database behind `connection`, on all nodes of `cluster` if one is
/// named.
///
/// # Errors
///
/// If what is there is newer, changed or of another cluster; if the address does not name the nodes
/// that it has to; or if a server refuses or cannot be reached.
pub async fn migrate(
    connection: &Connection,
    cluster: Option<&Cluster>,
) -> Result<Migrated, Error> {
    let schema = Schema { cluster: cluster.cloned() };
    schema.check_nodes(connection).await?;
    let records = records(connection).await?;
    check(connection, &records)?;
    if let Some(other) = records.iter().map(Record::schema).find(|found| *found != schema) {
        return Err(Error::OtherCluster {
            place: connection.address().to_string(),
            found: told(&other),
            wanted: told(&schema),
        });
    }
    let words = Words { database: connection.database(), schema: &schema };
    let make = words.fill("CREATE DATABASE IF NOT EXISTS $db $on_cluster");
    schema.execute_everywhere(connection, &make, "make the database", &[]).await?;
    for make in words.statements(RECORDS) {
        let action = "make the table of migrations";
        schema.execute_everywhere(connection, &make.sql, action, &[]).await?;
    }
    let mut done = Migrated::default();
    for (number, migration) in (1..).zip(&MIGRATIONS).skip(records.len()) {
        apply(connection, &words, migration, &mut done).await?;
        record(connection, &schema, number, migration).await?;
        done.applied.push(migration.name);
    }
    let columns = columns(connection).await?;
    check_columns(connection, &columns, Access::Write)?;
    describe(connection, &columns, &words).await?;
    Ok(done)
}

/// Carries out what is in a file.
async fn apply(
    connection: &Connection,
    words: &Words<'_>,
    migration: &Migration,
    done: &mut Migrated,
) -> Result<(), Error> {
    let action = action(migration);
    for statement in words.statements(migration.sql) {
        // What gives rights to roles makes no sense without them.
        if statement.makes_users && done.without_roles {
            continue;
        }
        let sql = &statement.sql;
        match words.schema.execute_everywhere(connection, sql, &action, &[]).await {
            Err(error) if statement.makes_users && is_no_users(&error) => {
                done.without_roles = true;
            }
            result => result?,
        }
    }
    Ok(())
}

/// Writes down that a file was carried out.
async fn record(
    connection: &Connection,
    schema: &Schema,
    number: u32,
    migration: &Migration,
) -> Result<(), Error> {
    let cluster = schema.cluster.as_ref();
    let sql = format!(
        "INSERT INTO {}.migrations VALUES ({number}, {}, {}, {}, {}, now(), {})",
        connection.database(),
        quote(migration.name),
        quote(&checksum(migration)),
        quote(cluster.map_or("", |cluster| &cluster.name)),
        cluster.is_some_and(|cluster| cluster.has_keeper),
        quote(env!("CARGO_PKG_VERSION"))
    );
    connection.execute_with(&sql, &action(migration), &WRITE_SETTINGS).await
}

fn action(migration: &Migration) -> String {
    format!("apply migration {}", migration.name)
}

/// Whether the database behind `connection` holds nothing of any chain.
///
/// # Errors
///
/// If the server refuses or cannot be reached.
pub async fn is_unused(connection: &Connection) -> Result<bool, Error> {
    #[derive(Deserialize)]
    struct Count {
        rows: u64,
    }
    let action = "read which chains there are";
    if !has_table(connection, "chains").await? {
        return Ok(true);
    }
    let sql = format!("SELECT count() AS rows FROM {}.chains", connection.database());
    let count: Vec<Count> = connection.rows(&sql, action).await?;
    Ok(count.first().is_some_and(|count| count.rows == 0))
}

async fn has_table(connection: &Connection, name: &str) -> Result<bool, Error> {
    #[derive(Deserialize)]
    struct Count {
        tables: u64,
    }
    let sql = format!(
        "SELECT count() AS tables FROM system.tables WHERE database = {} AND name = {}",
        quote(connection.database()),
        quote(name)
    );
    let count: Vec<Count> = connection.rows(&sql, "read which tables there are").await?;
    Ok(count.first().is_some_and(|count| count.tables > 0))
}

fn is_no_users(error: &Error) -> bool {
    error.code().is_some_and(|code| NO_USERS.contains(&code))
}

/// What the tables are for, for people.
fn told(schema: &Schema) -> String {
    match &schema.cluster {
        None => "a single server".to_owned(),
        Some(Cluster { name, has_keeper: true }) => format!("the cluster '{name}' with a Keeper"),
        Some(Cluster { name, .. }) => format!("the cluster '{name}' without a Keeper"),
    }
}

fn checksum(migration: &Migration) -> String {
    hex::encode(&Sha256::digest(migration.sql))
}

/// What was applied, in order; nothing if there is no database yet.
async fn records(connection: &Connection) -> Result<Vec<Record>, Error> {
    if !has_table(connection, "migrations").await? {
        return Ok(Vec::new());
    }
    // A key of shards that is always 0 is known to be so where all its values are told: then the other
    // shards are not asked.
    let sql = format!(
        "SELECT number, any(name) AS name, any(checksum) AS checksum, any(cluster) AS cluster, \
         any(migrations.has_keeper) AS has_keeper FROM {}.migrations AS migrations \
         WHERE migrations.has_keeper IN (false, true) GROUP BY number ORDER BY number",
        connection.database()
    );
    connection.rows(&sql, "read which migrations were applied").await
}

/// Compares what was applied with what this program knows.
fn check(connection: &Connection, records: &[Record]) -> Result<(), Error> {
    let place = || connection.address().to_string();
    for (number, record) in (1..).zip(records) {
        if record.number > LATEST {
            return Err(Error::NewSchema { place: place(), found: record.number, known: LATEST });
        }
        let migration = &MIGRATIONS[number - 1];
        let is_known = record.number as usize == number
            && record.name == migration.name
            && record.checksum == checksum(migration);
        if !is_known {
            let what = format!("migration {} is not the one of this program", record.name);
            return Err(Error::Drift { place: place(), what });
        }
    }
    Ok(())
}

/// A column, as the server describes it.
#[derive(Debug, Deserialize)]
struct Found {
    table: String,
    name: String,
    r#type: String,
    comment: String,
}

async fn columns(connection: &Connection) -> Result<Vec<Found>, Error> {
    let sql = format!(
        "SELECT table, name, type, comment FROM system.columns WHERE database = {} \
         ORDER BY table, position",
        quote(connection.database())
    );
    connection.rows(&sql, "read what the tables are").await
}

fn all_tables() -> impl Iterator<Item = &'static Table> {
    Chain::ALL.into_iter().flat_map(Chain::tables).copied()
}

/// What a table is to have: each column's name, what it is, and what people read about it.
fn wanted_columns(table: &Table) -> Vec<(String, Option<&'static Column>, String)> {
    let both = table.columns.iter().flat_map(|column| {
        let given = is_given(column)
            .map(|name| (name, None, format!("Whether the row has {} at all.", column.name)));
        [Some((column.name.to_owned(), Some(column), column.doc.to_owned())), given]
    });
    both.flatten().collect()
}

/// Compares the columns of every table with the model's.
fn check_columns(connection: &Connection, found: &[Found], access: Access) -> Result<(), Error> {
    for table in all_tables() {
        let name = table_name(table);
        let found: Vec<_> = found.iter().filter(|column| column.table == name).collect();
        let all = wanted_columns(table);
        let is_whole = found.len() == all.len();
        let mut wanted = all.iter();
        let other = found.iter().find(|found| {
            let same = wanted.find(|(name, ..)| found.name == *name);
            same.is_none_or(|(_, column, _)| !holds(&found.r#type, *column))
        });
        let what = match (found.is_empty(), other) {
            (true, _) => Some(format!("there is no table {name}")),
            (false, Some(Found { name: column, r#type: kind, .. })) => {
                Some(format!("{name} has the column {column} {kind}, which does not belong there"))
            }
            (false, None) if access == Access::Write && !is_whole => {
                Some(format!("{name} has {} columns, not {}", found.len(), all.len()))
            }
            (false, None) => None,
        };
        if let Some(what) = what {
            return Err(Error::Drift { place: connection.address().to_string(), what });
        }
    }
    Ok(())
}

/// Whether ClickHouse's type `text` is one for `column`, or for the flag that a list is there.
fn holds(text: &str, column: Option<&Column>) -> bool {
    let Some(column) = column else { return text == "Bool" };
    let inner = |text: &str, outer: &str| -> Option<String> {
        Some(text.strip_prefix(outer)?.strip_prefix('(')?.strip_suffix(')')?.to_owned())
    };
    let text = inner(text, "LowCardinality").unwrap_or_else(|| text.to_owned());
    let within = inner(&text, "Nullable");
    let is_list = text.starts_with("Array(");
    if within.is_some() != (column.nullable && !is_list) {
        return false;
    }
    let text = within.unwrap_or(text);
    match column.kind {
        ColumnType::Boolean => text == "Bool",
        ColumnType::Int32 => text == "Int32",
        ColumnType::Int64 => text == "Int64",
        ColumnType::Float64 => text == "Float64",
        ColumnType::Text => text == "String",
        ColumnType::Bytes | ColumnType::Hex => text == "String" || text.starts_with("FixedString("),
        ColumnType::Decimal38 => text == "Decimal(38, 0)",
        ColumnType::Decimal76 => text == "Decimal(76, 0)",
        ColumnType::Money => text == "Decimal(38, 6)",
        ColumnType::Time => text == "DateTime('UTC')",
        ColumnType::BytesList
        | ColumnType::HexList
        | ColumnType::Int32List
        | ColumnType::Structs(_) => is_list,
    }
}

/// Writes what people read about tables and columns to the server, where it says something else.
async fn describe(
    connection: &Connection,
    found: &[Found],
    words: &Words<'_>,
) -> Result<(), Error> {
    for table in all_tables() {
        let local = words.schema.cluster.as_ref().map(|_| local_name(table));
        for name in [Some(table_name(table)), local].into_iter().flatten() {
            let wanted = wanted_columns(table);
            let comments = found.iter().filter(|column| column.table == name).zip(&wanted);
            let changed: Vec<_> = comments
                .filter(|(found, (_, _, doc))| found.comment != *doc)
                .map(|(found, (_, _, doc))| format!("COMMENT COLUMN {} {}", found.name, quote(doc)))
                .collect();
            if changed.is_empty() {
                continue;
            }
            let sql = format!("ALTER TABLE $db.{name} $on_cluster {}", changed.join(", "));
            let action = format!("describe {name}");
            let about = quote(table.doc);
            let whole = format!("ALTER TABLE $db.{name} $on_cluster MODIFY COMMENT {about}");
            for sql in [sql, whole] {
                let sql = words.fill(&sql);
                words.schema.execute_everywhere(connection, &sql, &action, &[]).await?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_every_file_is_known() {
        let cluster = |has_keeper| Some(Cluster { name: "c".to_owned(), has_keeper });
        for cluster in [None, cluster(true), cluster(false)] {
            let words = Words { database: "d", schema: &Schema { cluster } };
            for migration in &MIGRATIONS {
                let statements = words.statements(migration.sql);
                assert!(!statements.is_empty(), "{}", migration.name);
                for statement in statements {
                    assert!(!statement.sql.contains('$'), "{}", statement.sql);
                }
            }
        }
    }

    #[test]
    fn files_are_numbered_in_their_order() {
        for (number, migration) in (1..).zip(&MIGRATIONS) {
            assert!(migration.name.starts_with(&format!("{number:04}_")), "{}", migration.name);
        }
    }
}
