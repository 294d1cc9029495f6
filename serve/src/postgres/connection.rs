//! One client's connection: its messages, one after the other.

use std::collections::HashMap;
use std::sync::Arc;

use pgwire::error::ErrorInfo;
use pgwire::messages::extendedquery::{
    BindComplete, CloseComplete, ParseComplete, TARGET_TYPE_BYTE_PORTAL, TARGET_TYPE_BYTE_STATEMENT,
};
use pgwire::messages::response::{
    CommandComplete, EmptyQueryResponse, ReadyForQuery, TransactionStatus,
};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};

use super::command::{self, Asked};
use super::extended::Prepared;
use super::portal::Portal;
use super::rewrite::Known;
use super::startup::{Duplex, Started};
use super::wire::{Incoming, Wire, WireError};
use super::{cancel::Cancellable, settings::Settings};
use crate::error::Class;
use crate::listen::{Hangup, IDLE_TIMEOUT, Shutdown};
use crate::service::{Caller, Purpose, Service};
use crate::{ServeError, service};

/// A client and what it has set up.
pub(super) struct Connection {
    pub(super) wire: Wire<Box<dyn Duplex>>,
    pub(super) service: Arc<Service>,
    pub(super) caller: Caller,
    pub(super) settings: Settings,
    pub(super) cancel: Cancellable,
    pub(super) statements: HashMap<String, Arc<Prepared>>,
    pub(super) portals: HashMap<String, Portal>,
    pub(super) transaction: TransactionStatus,
    /// Whether columns are described before they are asked for: not in the extended protocol.
    pub(super) is_extended: bool,
    /// After an error all messages are ignored until the client says that it has noticed.
    skipping: bool,
}

/// What ends the handling of a message.
pub(super) enum Trouble {
    /// The client is told, and goes on.
    Told(ServeError),
    /// The connection is of no more use.
    Lost(WireError),
}

impl<E: Into<ServeError>> From<E> for Trouble {
    fn from(error: E) -> Trouble {
        Trouble::Told(error.into())
    }
}

impl From<WireError> for Trouble {
    fn from(error: WireError) -> Trouble {
        Trouble::Lost(error)
    }
}

/// Whether there is more to say.
#[derive(PartialEq, Eq)]
enum Flow {
    Go,
    End,
}

impl Connection {
    /// The connection of a client that was let in.
    pub(super) fn new(service: Arc<Service>, started: Started) -> Connection {
        let Started { wire, caller, settings, cancel } = started;
        Connection {
            wire,
            service,
            caller,
            settings,
            cancel,
            statements: HashMap::new(),
            portals: HashMap::new(),
            transaction: TransactionStatus::Idle,
            is_extended: false,
            skipping: false,
        }
    }

    /// Answers messages until the client goes, or the server ends.
    pub(super) async fn serve(&mut self, hangup: &Hangup, mut shutdown: Shutdown) {
        loop {
            let read = tokio::select! {
                read = tokio::time::timeout(IDLE_TIMEOUT, self.wire.read()) => read,
                () = shutdown.begun() => return self.say_goodbye(&ServeError::ShuttingDown).await,
            };
            let incoming = match read {
                Ok(Ok(Some(incoming))) => incoming,
                Ok(Ok(None) | Err(WireError::Io(_))) => return,
                Ok(Err(WireError::Malformed(text))) => {
                    return self.say_goodbye(&ServeError::BadRequest(text)).await;
                }
                Err(_) => {
                    let text = "the connection was idle for too long".to_owned();
                    return self.say_goodbye(&ServeError::BadRequest(text)).await;
                }
            };
            // What runs for a client that has gone is dropped, and so stopped.
            let flow = tokio::select! {
                flow = self.handle(incoming) => flow,
                () = hangup.happened() => return,
            };
            match flow {
                Ok(Flow::Go) => {}
                Ok(Flow::End) | Err(_) => return,
            }
        }
    }

    async fn say_goodbye(&mut self, error: &ServeError) {
        // The client may have gone already.
        if put_error(&mut self.wire, error, "FATAL", None).is_ok() {
            let _ = self.wire.flush().await;
        }
    }

    async fn handle(&mut self, incoming: Incoming) -> Result<Flow, WireError> {
        use PgWireFrontendMessage as Message;
        self.cancel.begin();
        let message = match incoming {
            Incoming::Message(message) => message,
            Incoming::TooLong { kind, bytes } => return self.too_long(kind, bytes).await,
        };
        match message {
            Message::Terminate(_) => return Ok(Flow::End),
            Message::Sync(_) => {
                self.skipping = false;
                if self.transaction == TransactionStatus::Idle {
                    self.portals.retain(|_, portal| portal.is_cursor);
                }
                return self.ready().await;
            }
            _ if self.skipping => return Ok(Flow::Go),
            Message::Query(query) => return self.query(&query.query).await,
            Message::Flush(_) => self.wire.flush().await?,
            Message::Parse(parse) => {
                let done = self.parse(parse).await;
                let complete = PgWireBackendMessage::ParseComplete(ParseComplete::new());
                self.reply(done, complete).await?;
            }
            Message::Bind(bind) => {
                let done = self.bind(bind).await;
                let complete = PgWireBackendMessage::BindComplete(BindComplete::new());
                self.reply(done, complete).await?;
            }
            Message::Describe(describe) => {
                let name = describe.name.unwrap_or_default();
                let done = self.describe(describe.target_type, &name);
                self.told(done, None).await?;
            }
            Message::Execute(execute) => {
                let name = execute.name.unwrap_or_default();
                self.is_extended = true;
                let limit = u64::try_from(execute.max_rows).ok().filter(|rows| *rows > 0);
                let done = self.execute(&name, limit).await;
                self.told(done, None).await?;
            }
            Message::Close(close) => {
                let name = close.name.unwrap_or_default();
                match close.target_type {
                    TARGET_TYPE_BYTE_STATEMENT => drop(self.statements.remove(&name)),
                    TARGET_TYPE_BYTE_PORTAL => drop(self.portals.remove(&name)),
                    _ => {}
                }
                self.wire.put(PgWireBackendMessage::CloseComplete(CloseComplete::new()))?;
            }
            // Left over from a COPY that has failed.
            Message::CopyData(_) | Message::CopyDone(_) | Message::CopyFail(_) => {}
            _ => {
                let error = ServeError::BadRequest("this message was not expected".to_owned());
                self.told(Err(error.into()), None).await?;
            }
        }
        Ok(Flow::Go)
    }

    /// Carries out all commands of one text, up to the first that fails.
    async fn query(&mut self, sql: &str) -> Result<Flow, WireError> {
        self.is_extended = false;
        match self.read_commands(sql).await {
            Ok(commands) if commands.is_empty() => {
                self.wire
                    .put(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new()))?;
            }
            Ok(commands) => {
                let single = commands.len() == 1;
                for asked in commands {
                    let done = self.simple(asked).await;
                    let failed = done.is_err();
                    self.told(done, single.then_some(sql)).await?;
                    if failed {
                        break;
                    }
                }
            }
            Err(error) => self.told(Err(error.into()), Some(sql)).await?,
        }
        // It is the simple protocol that had the error: nothing is to be skipped.
        self.skipping = false;
        self.ready().await
    }

    /// The commands of a text. One that cannot be read is written down.
    pub(super) async fn read_commands(&mut self, sql: &str) -> Result<Vec<Asked>, ServeError> {
        match command::parse(sql, &self.known(&[])) {
            Ok(commands) => Ok(commands),
            Err(error) => Err(self.refuse(sql, error).await),
        }
    }

    /// What functions answer with that ask for this connection.
    pub(super) fn known<'a>(&'a self, types: &'a [pgwire::api::Type]) -> Known<'a> {
        Known {
            user: self.caller.name(),
            id: self.cancel.id,
            settings: Some(&self.settings),
            types,
        }
    }

    /// Writes down that a statement did not come to run.
    pub(super) async fn refuse(&self, sql: &str, error: ServeError) -> ServeError {
        self.service.refuse(&self.caller, sql, &Purpose::Query, error).await
    }

    /// Replies, or tells what was wrong.
    async fn reply(
        &mut self,
        done: Result<(), Trouble>,
        message: PgWireBackendMessage,
    ) -> Result<(), WireError> {
        let ok = done.is_ok();
        self.told(done, None).await?;
        if ok {
            self.wire.put(message)?;
        }
        Ok(())
    }

    /// Tells the client what was wrong with what it asked, if anything. `sql` is what it wrote.
    async fn told(
        &mut self,
        done: Result<(), Trouble>,
        sql: Option<&str>,
    ) -> Result<(), WireError> {
        let error = match done {
            Ok(()) => return Ok(()),
            Err(Trouble::Lost(error)) => return Err(error),
            Err(Trouble::Told(error)) => error,
        };
        let ends = error.class() == Class::ShuttingDown;
        put_error(&mut self.wire, &error, if ends { "FATAL" } else { "ERROR" }, sql)?;
        self.wire.flush().await?;
        if ends {
            return Err(WireError::Malformed(error.to_string()));
        }
        if self.transaction == TransactionStatus::Transaction {
            self.transaction = TransactionStatus::Error;
        }
        self.skipping = true;
        Ok(())
    }

    async fn too_long(&mut self, kind: u8, bytes: usize) -> Result<Flow, WireError> {
        let error = ServeError::Query(assay_query::QueryError::TooLong {
            bytes,
            limit: assay_query::MAX_SQL_BYTES,
        });
        let text = format!("(a message of {bytes} bytes)");
        let error = self.refuse(&text, error).await;
        if self.skipping {
            return Ok(Flow::Go);
        }
        self.told(Err(error.into()), None).await?;
        if kind == b'Q' {
            self.skipping = false;
            return self.ready().await;
        }
        Ok(Flow::Go)
    }

    /// Says that the next statement may come.
    async fn ready(&mut self) -> Result<Flow, WireError> {
        let ready = ReadyForQuery::new(self.transaction);
        self.wire.put(PgWireBackendMessage::ReadyForQuery(ready))?;
        self.wire.flush().await?;
        Ok(Flow::Go)
    }

    /// Says that a command is done.
    pub(super) fn complete(&mut self, tag: impl Into<String>) -> Result<(), WireError> {
        let complete = CommandComplete::new(tag.into());
        self.wire.put(PgWireBackendMessage::CommandComplete(complete))
    }

    /// Waits for `work` unless the client asks to cancel it.
    pub(super) async fn unless_cancelled<T>(
        cancel: &mut Cancellable,
        work: impl Future<Output = Result<T, ServeError>>,
    ) -> Result<T, ServeError> {
        tokio::select! {
            result = work => result,
            () = cancel.asked() => Err(ServeError::Cancelled),
        }
    }

    /// Begins a statement that has rows.
    pub(super) async fn run(&mut self, ask: service::Ask) -> Result<service::Answer, ServeError> {
        let work = self.service.run(&self.caller, ask);
        Self::unless_cancelled(&mut self.cancel, work).await
    }
}

/// Adds an error to what will be sent.
pub(super) fn put_error(
    wire: &mut Wire<Box<dyn Duplex>>,
    error: &ServeError,
    severity: &str,
    sql: Option<&str>,
) -> Result<(), WireError> {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    let mut info = ErrorInfo::new(severity.to_owned(), error.sqlstate().to_owned(), text);
    info.severity_nonlocalized = Some(severity.to_owned());
    info.position = sql.and_then(|sql| error.position(sql)).map(|place| place.to_string());
    wire.put(PgWireBackendMessage::ErrorResponse(info.into()))
}
