//! The rows of a lake in a database of a real ClickHouse server.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use arrow::ipc::writer::StreamWriter;
use assay_clickhouse::{
    Address, Connection, Entry, Insert, Kind, Log, migrate, stored, table_name,
};
use assay_fixtures::clickhouse::ClickHouse;
use assay_model::lake::{Finality, LAKE_FILE, LakeInfo, SEGMENT_FILE, SegmentInfo, table_file};
use assay_model::{BlockRef, Chain, Table};
use assay_query::{Session, SessionOptions, Store};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use crate::support::lake;

/// Who writes the log.
const SESSION: &str = "00000000-0000-4000-8000-000000000001";

/// A database.
pub struct Database {
    /// The server that it is on.
    pub server: &'static ClickHouse,
    /// Where it is.
    pub address: Address,
    connection: Connection,
    results: TempDir,
}

impl Database {
    /// A database without tables; `None` where there is no server to start.
    pub fn empty() -> Option<Database> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let server = ClickHouse::shared()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let address = format!("clickhouse://127.0.0.1:{}/test_{number}", server.port());
        let address: Address = address.parse().expect("an address");
        let connection = Connection::new(&address, None).expect("a connection");
        let results = TempDir::new().expect("a folder");
        Some(Database { server, address, connection, results })
    }

    /// A database with tables and no chain.
    pub async fn migrated() -> Option<Database> {
        let database = Database::empty()?;
        migrate(&database.connection, None).await.expect("migrated");
        Some(database)
    }

    /// A database that holds what the lake in `dir` does.
    pub async fn of_lake(dir: &Path) -> Option<Database> {
        let database = Database::migrated().await?;
        for chain in Chain::ALL {
            let text = std::fs::read(dir.join(chain.name()).join(LAKE_FILE));
            let Ok(text) = text else { continue };
            let info = LakeInfo::read(&text).expect("a lake's description");
            database.log(chain).create(&info).await.expect("written");
            for name in lake::manifest_of(dir, chain).segments {
                database.add_segment(chain, &dir.join(chain.name()).join(name)).await;
            }
        }
        Some(database)
    }

    /// The log of `chain`.
    pub fn log(&self, chain: Chain) -> Log {
        Log::new(self.connection.clone(), chain)
    }

    /// A session over it.
    pub async fn open(&self) -> Session {
        let store = Store::ClickHouse {
            address: self.address.clone(),
            password: None,
            results: self.results.path().to_owned(),
        };
        let options = SessionOptions { store, ..SessionOptions::default() };
        Session::open(options).await.expect("the chains are there")
    }

    /// Adds the rows of the segment in `folder`, then an entry of the log that shows them.
    pub async fn add_segment(&self, chain: Chain, folder: &Path) {
        let text = std::fs::read_to_string(folder.join(SEGMENT_FILE)).expect("a segment");
        let info: SegmentInfo = serde_json::from_str(&text).expect("JSON");
        for table in chain.tables() {
            self.insert_file(table, &folder.join(table_file(table.name))).await;
        }
        let last = self.log(chain).last().await.expect("the log");
        let before = last.as_ref().map(|entry| entry.rows.clone());
        let before = before.unwrap_or_else(|| vec![0; chain.tables().len()]);
        let rows = chain.tables().iter().zip(before);
        let height = info.to - 1;
        let entry = Entry {
            sequence: last.map_or(0, |entry| entry.sequence) + 1,
            // The first entry of a session opens it.
            kind: if info.from == 0 { Kind::Open } else { Kind::Append },
            session: SESSION.to_owned(),
            noticed: 0,
            watermark: Some(BlockRef { height, hash: info.last, parent: info.last_parent }),
            time: Some(lake::time_micros(height) / 1_000_000),
            block_bytes: 0,
            rows: rows.map(|(table, before)| before + info.tables[table.name].rows).collect(),
            finality: Finality::default(),
            reorg: None,
        };
        self.log(chain).append(&entry).await.expect("appended");
    }

    /// Adds the rows of a Parquet file, which nobody sees yet.
    pub async fn insert_file(&self, table: &Table, path: &Path) {
        let file = File::open(path).expect("a file");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
        for rows in reader.build().expect("Parquet") {
            self.insert(table, &rows.expect("rows")).await;
        }
    }

    /// Adds `rows`, which nobody sees yet.
    pub async fn insert(&self, table: &Table, rows: &RecordBatch) {
        let rows = stored(table, rows).expect("rows that can be stored");
        let mut bytes = Vec::new();
        let mut writer = StreamWriter::try_new(&mut bytes, &rows.schema()).expect("a stream");
        writer.write(&rows).and_then(|()| writer.finish()).expect("written");
        drop(writer);
        let insert = Insert {
            table: &table_name(table),
            rows: bytes.into(),
            query_id: "",
            token: "",
            action: "insert the rows of a test",
        };
        self.connection.insert(insert).await.expect("inserted");
    }

    /// Carries out `sql` on the server.
    pub fn execute(&self, sql: &str) -> String {
        self.server.query(sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}
