//! Asks a ClickHouse server, or the first that answers of several: statements, streams of rows,
//! inserts.
//!
//! # Invariants
//!
//! * What the server sends is held a block at a time, and what it is sent as a whole.
//! * No request waits for ever: a server that is gone is noticed within [`Limits::gone`], whatever the
//!   statement is, and one that is silent when the time for an answer is over. Only rows that somebody
//!   asked for are waited for as long as the server works on them.
//! * What may change something is sent to one server only: to the next, if there was no connection to
//!   the one before. Whoever gets another error decides whether to ask again, and asks the next.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use bytes::Bytes;
use clickhouse::error::Error as ClientError;
use clickhouse::query::BytesCursor;
use clickhouse::{Client, Compression};
use futures::Stream;
use futures::future::try_join_all;
use futures::stream::{self, StreamExt, TryStreamExt};
use hyper_rustls::{ConfigBuilderExt, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use rustls::crypto::ring;
use serde::de::DeserializeOwned;

use crate::{Address, Error};

/// How often the other end of a silent connection is asked whether it is there, before it counts as
/// gone.
const KEEPALIVE_RETRIES: u32 = 3;
/// How long an unused connection is kept; the server closes it after 3 s.
const IDLE: Duration = Duration::from_secs(2);
/// A piece of an insert, bytes.
const PIECE_BYTES: usize = 1 << 20;

/// How values come: text and bytes are told apart by who reads them, numbers stay numbers. And what
/// only reads ends when nobody waits for it any more. On a cluster only the shards are asked that can
/// have the rows, and one of those that is away is an error, not a smaller sum.
const READ_SETTINGS: [(&str, &str); 8] = [
    ("readonly", "2"),
    ("cancel_http_readonly_queries_on_client_close", "1"),
    ("output_format_arrow_string_as_string", "0"),
    ("output_format_arrow_low_cardinality_as_dictionary", "0"),
    ("output_format_arrow_compression_method", "none"),
    ("output_format_json_quote_64bit_integers", "0"),
    ("optimize_skip_unused_shards", "1"),
    ("skip_unavailable_shards", "0"),
];

/// How rows get onto a cluster that a statement makes: it is done when the shards have stored them, and
/// what it reads for them is read as ever.
pub(crate) const WRITE_SETTINGS: [(&str, &str); 3] = [
    ("distributed_foreground_insert", "1"),
    ("optimize_skip_unused_shards", "1"),
    ("skip_unavailable_shards", "0"),
];

/// How long what may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until there is a connection.
    pub connect: Duration,
    /// Until a server that does not even acknowledge what it is sent counts as gone.
    pub gone: Duration,
    /// Until there is a short answer, and a piece of an insert is taken.
    pub answer: Duration,
    /// Until an insert is stored that was sent, and a change of tables is done.
    pub work: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connect: Duration::from_secs(10),
            gone: Duration::from_secs(40),
            answer: Duration::from_secs(60),
            work: Duration::from_secs(600),
        }
    }
}

/// A database of a server or of several, as one user sees it. Cheap to clone; requests run side by
/// side.
#[derive(Clone)]
pub struct Connection {
    address: Address,
    nodes: Arc<[Node]>,
    /// Which of the nodes is asked: the one that answered last.
    current: Arc<AtomicUsize>,
    limits: Limits,
}

/// A server.
#[derive(Clone)]
struct Node {
    /// Its address, for people.
    place: String,
    client: Client,
}

/// Rows as they come.
pub type Batches = Pin<Box<dyn Stream<Item = Result<RecordBatch, Error>> + Send>>;

/// Rows to be stored.
#[derive(Clone, Debug)]
pub struct Insert<'a> {
    /// The table.
    pub table: &'a str,
    /// The rows, as a stream in Arrow's IPC format.
    pub rows: Bytes,
    /// What identifies the request among those that run.
    pub query_id: &'a str,
    /// Rows that come again with the same token are not stored again.
    pub token: &'a str,
    /// What is done, for people: `insert into …, heights 5 to 9`.
    pub action: &'a str,
}

impl Connection {
    /// The connection to `address` of its user, whose password is `password`. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// If the system has no certificates to trust, and TLS is asked for.
    pub fn new(address: &Address, password: Option<&str>) -> Result<Connection, Error> {
        Connection::with_limits(address, password, Limits::default())
    }

    /// The same with other limits.
    ///
    /// # Errors
    ///
    /// Those of [`Connection::new`].
    pub fn with_limits(
        address: &Address,
        password: Option<&str>,
        limits: Limits,
    ) -> Result<Connection, Error> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(limits.connect));
        let keepalive = limits.gone / (KEEPALIVE_RETRIES + 1);
        tcp.set_keepalive(Some(keepalive));
        tcp.set_keepalive_interval(Some(keepalive));
        tcp.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(limits.gone));
        let tls = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(std::io::Error::other)
            .and_then(ConfigBuilderExt::with_native_roots)
            .map_err(|source| Error::Tls { place: address.to_string(), source })?
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        let compression = match address.is_compressed() {
            true => Compression::Lz4,
            false => Compression::None,
        };
        let mut client = Client::with_http_client(http)
            .with_compression(compression)
            .with_product_info("assay", env!("CARGO_PKG_VERSION"));
        if let Some(user) = address.user() {
            client = client.with_user(user);
        }
        if let Some(password) = password {
            client = client.with_password(password);
        }
        let nodes = address.each().zip(address.urls()).map(|(alone, url)| Node {
            place: alone.to_string(),
            client: client.clone().with_url(url),
        });
        let (address, nodes) = (address.clone(), nodes.collect());
        Ok(Connection { address, nodes, current: Arc::default(), limits })
    }

    /// A connection to each of the servers alone.
    pub fn each(&self) -> impl Iterator<Item = Connection> {
        self.address.each().zip(self.nodes.iter()).map(|(address, node)| Connection {
            address,
            nodes: Arc::from([node.clone()]),
            current: Arc::default(),
            limits: self.limits,
        })
    }

    /// Where it leads.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The name of the database, as SQL has it.
    pub fn database(&self) -> &str {
        self.address.database()
    }

    /// Carries out the statement `sql`; `action` says for people what that is.
    ///
    /// # Errors
    ///
    /// If the server refuses or cannot be reached.
    pub async fn execute(&self, sql: &str, action: &str) -> Result<(), Error> {
        self.execute_with(sql, action, &[]).await
    }

    /// The same, with settings of the server.
    ///
    /// # Errors
    ///
    /// Those of [`Connection::execute`].
    pub async fn execute_with(
        &self,
        sql: &str,
        action: &str,
        settings: &[(&str, &str)],
    ) -> Result<(), Error> {
        let send = |node: Node| async move {
            let mut query = node.client.query_raw(sql);
            for (name, value) in settings {
                query = query.with_setting(*name, *value);
            }
            self.within(&node, self.limits.work, action, query.execute()).await
        };
        self.failing_over(is_unconnected, send).await
    }

    /// The same on every server, side by side; done when all have done it.
    ///
    /// # Errors
    ///
    /// Those of [`Connection::execute`], of any server.
    pub async fn execute_everywhere(
        &self,
        sql: &str,
        action: &str,
        settings: &[(&str, &str)],
    ) -> Result<(), Error> {
        let each =
            self.each().map(|node| async move { node.execute_with(sql, action, settings).await });
        try_join_all(each).await.map(|_| ())
    }

    /// The few rows that `sql` gives.
    ///
    /// # Errors
    ///
    /// If the server refuses or cannot be reached, or the rows are others than `T`.
    pub async fn rows<T: DeserializeOwned>(
        &self,
        sql: &str,
        action: &str,
    ) -> Result<Vec<T>, Error> {
        let ask = |node: Node| async move {
            let mut cursor = fetch(&node, sql, action, "JSONEachRow")?;
            self.within(&node, self.limits.answer, action, cursor.collect()).await
        };
        let text = self.failing_over(is_gone, ask).await?;
        let rows = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        rows.map(serde_json::from_slice).collect::<Result<_, _>>().map_err(|source| Error::Json {
            place: self.address.to_string(),
            action: action.to_owned(),
            source,
        })
    }

    /// The rows that `sql` gives, as they come, with ClickHouse's types. A stream that is dropped
    /// ends the statement.
    ///
    /// # Errors
    ///
    /// If the server refuses or cannot be reached; also later, in the stream.
    pub async fn batches(&self, sql: &str, action: &str) -> Result<Batches, Error> {
        let ask = |node: Node| async move {
            let reading = Reading {
                cursor: fetch(&node, sql, action, "ArrowStream")?,
                node,
                limit: self.limits.gone,
                action: action.to_owned(),
                decoder: StreamDecoder::new(),
                rest: Buffer::default(),
            };
            let mut batches = Box::pin(stream::try_unfold(reading, Reading::next)).peekable();
            // What the server refuses, it refuses before the first row.
            match Pin::new(&mut batches).peek().await {
                Some(Err(_)) => {
                    Err(batches.try_next().await.expect_err("what was peeked at is an error"))
                }
                _ => Ok(Box::pin(batches) as Batches),
            }
        };
        self.failing_over(is_gone, ask).await
    }

    /// Stores rows: all of them, or, if they come with a token that came before, none.
    ///
    /// # Errors
    ///
    /// If the server refuses or cannot be reached; then some of the rows may be stored.
    pub async fn insert(&self, insert: Insert<'_>) -> Result<(), Error> {
        let sql = &format!("INSERT INTO {}.{} FORMAT ArrowStream", self.database(), insert.table);
        let insert = &insert;
        let send = |node: Node| async move {
            let failed = |limit: Duration, error| {
                Error::of(&node.place, insert.action, limit.as_secs(), error)
            };
            let mut request = node
                .client
                .insert_formatted_with(sql)
                .with_setting("query_id", insert.query_id)
                .with_setting("insert_deduplicate", "1")
                .with_setting("insert_deduplication_token", insert.token)
                .with_setting("async_insert", "0")
                .with_setting("distributed_foreground_insert", "1")
                .with_timeouts(Some(self.limits.answer), Some(self.limits.work));
            let mut rest = insert.rows.clone();
            while !rest.is_empty() {
                let piece = rest.split_to(rest.len().min(PIECE_BYTES));
                request.send(piece).await.map_err(|error| failed(self.limits.answer, error))?;
            }
            request.end().await.map_err(|error| failed(self.limits.work, error))
        };
        self.failing_over(is_unconnected, send).await
    }

    /// What `ask` gives, of the server that answered last or, if `is_for_next` says so of its error,
    /// of those after it.
    async fn failing_over<T, F>(
        &self,
        is_for_next: fn(&Error) -> bool,
        ask: impl Fn(Node) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut left = self.nodes.len();
        loop {
            let asked = self.current.load(Relaxed);
            let result = ask(self.nodes[asked].clone()).await;
            let Err(error) = &result else { return result };
            left -= 1;
            if is_gone(error) || matches!(error, Error::TimedOut { .. }) {
                let next = (asked + 1) % self.nodes.len();
                // Others that asked it may have gone on already.
                let _ = self.current.compare_exchange(asked, next, Relaxed, Relaxed);
            }
            if left == 0 || !is_for_next(error) {
                return result;
            }
            tracing::warn!(%error, "asking the next server");
        }
    }

    /// What `work` on `node` gives within `limit`.
    async fn within<T>(
        &self,
        node: &Node,
        limit: Duration,
        action: &str,
        work: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, Error> {
        let seconds = limit.as_secs();
        match tokio::time::timeout(limit, work).await {
            Ok(result) => result.map_err(|error| Error::of(&node.place, action, seconds, error)),
            Err(_) => Err(Error::of(&node.place, action, seconds, ClientError::TimedOut)),
        }
    }
}

fn fetch(node: &Node, sql: &str, action: &str, format: &str) -> Result<BytesCursor, Error> {
    let mut query = node.client.query_raw(sql);
    for (name, value) in READ_SETTINGS {
        query = query.with_setting(name, value);
    }
    query.fetch_bytes(format).map_err(|error| Error::of(&node.place, action, 0, error))
}

/// Whether the server was not asked at all.
fn is_unconnected(error: &Error) -> bool {
    matches!(error, Error::Unreachable { .. })
}

/// Whether the server is not there, or is not any more.
fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Unreachable { .. } | Error::Network { .. })
}

/// An answer that is being read.
struct Reading {
    node: Node,
    /// Until a server counts as gone that does not acknowledge anything.
    limit: Duration,
    action: String,
    cursor: BytesCursor,
    decoder: StreamDecoder,
    /// What was received and is not decoded yet.
    rest: Buffer,
}

impl Reading {
    async fn next(mut self) -> Result<Option<(RecordBatch, Reading)>, Error> {
        loop {
            if let Some(batch) = self.decoder.decode(&mut self.rest).map_err(|e| self.wrong(e))? {
                return Ok(Some((batch, self)));
            }
            let received = self.cursor.next().await;
            let received = received.map_err(|error| {
                Error::of(&self.node.place, &self.action, self.limit.as_secs(), error)
            })?;
            match received {
                Some(bytes) => self.rest = Buffer::from(bytes),
                None => {
                    // An answer without rows may be empty altogether.
                    self.decoder.finish().map_err(|error| self.wrong(error))?;
                    return Ok(None);
                }
            }
        }
    }

    fn wrong(&self, source: ArrowError) -> Error {
        let place = self.node.place.clone();
        Error::Answer { place, action: self.action.clone(), source }
    }
}
