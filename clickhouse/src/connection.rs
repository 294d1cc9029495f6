//! Asks a ClickHouse server: statements, streams of rows, inserts.
//!
//! # Invariants
//!
//! * What the server sends is held a block at a time, and what it is sent as a whole.
//! * No request waits for ever: a server that is gone is noticed within [`Limits::gone`], whatever the
//!   statement is, and one that is silent when the time for an answer is over. Only rows that somebody
//!   asked for are waited for as long as the server works on them.

use std::pin::Pin;
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
/// only reads ends when nobody waits for it any more.
const READ_SETTINGS: [(&str, &str); 6] = [
    ("readonly", "2"),
    ("cancel_http_readonly_queries_on_client_close", "1"),
    ("output_format_arrow_string_as_string", "0"),
    ("output_format_arrow_low_cardinality_as_dictionary", "0"),
    ("output_format_arrow_compression_method", "none"),
    ("output_format_json_quote_64bit_integers", "0"),
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

/// A server's database, as one user sees it. Cheap to clone; requests run side by side.
#[derive(Clone)]
pub struct Connection {
    address: Address,
    /// The address, for people.
    place: String,
    client: Client,
    limits: Limits,
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
        let place = address.to_string();
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
            .map_err(|source| Error::Tls { place: place.clone(), source })?
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
            .with_url(address.url())
            .with_compression(compression)
            .with_product_info("assay", env!("CARGO_PKG_VERSION"));
        if let Some(user) = address.user() {
            client = client.with_user(user);
        }
        if let Some(password) = password {
            client = client.with_password(password);
        }
        Ok(Connection { address: address.clone(), place, client, limits })
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
        let mut query = self.client.query_raw(sql);
        for (name, value) in settings {
            query = query.with_setting(*name, *value);
        }
        self.within(self.limits.work, action, query.execute()).await
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
        let mut cursor = self.fetch(sql, action, "JSONEachRow")?;
        let text = self.within(self.limits.answer, action, cursor.collect()).await?;
        let rows = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        rows.map(serde_json::from_slice).collect::<Result<_, _>>().map_err(|source| Error::Json {
            place: self.place.clone(),
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
        let cursor = self.fetch(sql, action, "ArrowStream")?;
        let reading = Reading {
            connection: self.clone(),
            action: action.to_owned(),
            cursor,
            decoder: StreamDecoder::new(),
            rest: Buffer::default(),
        };
        let mut batches = Box::pin(stream::try_unfold(reading, Reading::next)).peekable();
        // What the server refuses, it refuses before the first row.
        match Pin::new(&mut batches).peek().await {
            Some(Err(_)) => {
                Err(batches.try_next().await.expect_err("what was peeked at is an error"))
            }
            _ => Ok(Box::pin(batches)),
        }
    }

    /// Stores rows: all of them, or, if they come with a token that came before, none.
    ///
    /// # Errors
    ///
    /// If the server refuses or cannot be reached; then some of the rows may be stored.
    pub async fn insert(&self, insert: Insert<'_>) -> Result<(), Error> {
        let sql = format!("INSERT INTO {}.{} FORMAT ArrowStream", self.database(), insert.table);
        let mut request = self
            .client
            .insert_formatted_with(sql)
            .with_setting("query_id", insert.query_id)
            .with_setting("insert_deduplicate", "1")
            .with_setting("insert_deduplication_token", insert.token)
            .with_setting("async_insert", "0")
            .with_setting("distributed_foreground_insert", "1")
            .with_timeouts(Some(self.limits.answer), Some(self.limits.work));
        let mut rest = insert.rows;
        while !rest.is_empty() {
            let piece = rest.split_to(rest.len().min(PIECE_BYTES));
            request.send(piece).await.map_err(|error| {
                Error::of(&self.place, insert.action, self.limits.answer.as_secs(), error)
            })?;
        }
        let ended = request.end().await;
        ended.map_err(|error| {
            Error::of(&self.place, insert.action, self.limits.work.as_secs(), error)
        })
    }

    fn fetch(&self, sql: &str, action: &str, format: &str) -> Result<BytesCursor, Error> {
        let mut query = self.client.query_raw(sql);
        for (name, value) in READ_SETTINGS {
            query = query.with_setting(name, value);
        }
        query.fetch_bytes(format).map_err(|error| Error::of(&self.place, action, 0, error))
    }

    /// What `work` gives within `limit`.
    async fn within<T>(
        &self,
        limit: Duration,
        action: &str,
        work: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, Error> {
        let seconds = limit.as_secs();
        match tokio::time::timeout(limit, work).await {
            Ok(result) => result.map_err(|error| Error::of(&self.place, action, seconds, error)),
            Err(_) => Err(Error::of(&self.place, action, seconds, ClientError::TimedOut)),
        }
    }
}

/// An answer that is being read.
struct Reading {
    connection: Connection,
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
                Error::of(
                    &self.connection.place,
                    &self.action,
                    self.connection.limits.gone.as_secs(),
                    error,
                )
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
        let place = self.connection.place.clone();
        Error::Answer { place, action: self.action.clone(), source }
    }
}
