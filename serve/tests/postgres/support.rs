//! A server over a small lake, and clients of it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use assay_fixtures::lake;
use assay_query::{SessionOptions, Store};
use assay_serve::audit::{Entry, verify};
use assay_serve::service::ServiceOptions;
use assay_serve::{DEFAULT_CONNECTIONS, Role, Server, ServerOptions};
use tempfile::TempDir;
use tokio_postgres::{Client, Config, Error, NoTls};

/// Rows that nobody has taken all at once.
pub const ENDLESS: &str =
    "select a.value from generate_series(1, 1000000) a, generate_series(1, 1000000) b";

/// A server, and the folder that it keeps all in.
pub struct Served {
    pub dir: TempDir,
    pub server: Server,
}

impl Served {
    /// Over the lake of eight blocks; `change` may change what it is started with.
    pub async fn start(change: impl FnOnce(&mut ServerOptions, &Path)) -> Served {
        let dir = tempfile::tempdir().expect("a folder");
        lake::write(&dir.path().join("lake"));
        let store = Store::Lake(dir.path().join("lake"));
        let session =
            SessionOptions { store, memory_limit_bytes: 64 << 20, ..SessionOptions::default() };
        let mut service = ServiceOptions::new(session, dir.path().join("audit.jsonl"));
        service.role_without_users = Role::Operator;
        let mut options = ServerOptions {
            service,
            pg: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            http: None,
            flight: None,
            tls: None,
            connections: DEFAULT_CONNECTIONS,
            insecure: false,
        };
        change(&mut options, dir.path());
        let server = Server::start(options).await.expect("a server");
        Served { dir, server }
    }

    /// With what it has by itself.
    pub async fn plain() -> Served {
        Served::start(|_, _| ()).await
    }

    pub fn address(&self) -> SocketAddr {
        self.server.pg().expect("it listens")
    }

    /// How a client of `user` connects.
    pub fn config(&self, user: &str) -> Config {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.address().port()).user(user).dbname("assay");
        config.application_name("tests");
        config
    }

    /// A client.
    pub async fn client(&self) -> Client {
        connect(&self.config("me")).await.expect("let in")
    }

    pub fn audit(&self) -> PathBuf {
        self.dir.path().join("audit.jsonl")
    }

    /// What is written down so far.
    pub fn entries(&self) -> Vec<Entry> {
        verify(&self.audit()).expect("lines that follow each other");
        let text = std::fs::read_to_string(self.audit()).expect("a log");
        text.lines().map(|line| serde_json::from_str(line).expect("an entry")).collect()
    }

    /// Returns when nothing runs any more.
    pub async fn idle(&self) {
        let since = Instant::now();
        while self.server.service().running() > 0 {
            assert!(since.elapsed() < Duration::from_secs(60), "something runs on");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The entry of the statement `sql`, once it is there.
    pub async fn entry(&self, sql: &str) -> Entry {
        let since = Instant::now();
        loop {
            let mut entries = self.entries().into_iter();
            if let Some(entry) = entries.find(|entry| entry.statement.as_deref() == Some(sql)) {
                return entry;
            }
            assert!(since.elapsed() < Duration::from_secs(60), "'{sql}' is not written down");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A client of the server that `config` names.
pub async fn connect(config: &Config) -> Result<Client, Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(async move {
        // How it ends, the client is told.
        let _ = connection.await;
    });
    Ok(client)
}

/// The SQLSTATE of an error.
pub fn code(error: &Error) -> String {
    match error.as_db_error() {
        Some(error) => error.code().code().to_owned(),
        None => format!("no answer of the server: {error}"),
    }
}

/// The rows of a statement of the simple protocol, each as its values with a `|` between them.
pub async fn texts(client: &Client, sql: &str) -> Result<Vec<String>, Error> {
    let mut rows = Vec::new();
    for message in client.simple_query(sql).await? {
        if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
            let values = (0..row.len()).map(|column| row.get(column).unwrap_or("NULL"));
            rows.push(values.collect::<Vec<_>>().join("|"));
        }
    }
    Ok(rows)
}
