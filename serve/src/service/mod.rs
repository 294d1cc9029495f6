//! What all protocols share: who asks, what they may, and the course of each statement.
//!
//! # Invariants
//!
//! * A statement runs only through [`Service::run`]: on its role's terms, and with one entry in the audit
//!   log, which is on disk before the protocol learns how the statement ended.
//! * A statement stops when its [`Answer`] is dropped, when its time is over, and when the server ends,
//!   whether or not anybody reads its rows.

mod answer;
mod caller;
mod course;
mod limits;
mod throttle;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use assay_query::{Description, Session, SessionOptions, Statement, Terms};
use datafusion::common::ParamValues;
use tokio::sync::watch;

pub use self::answer::Answer;
pub use self::caller::{Caller, Client, Protocol};
use self::course::Course;
use self::limits::Places;
use self::throttle::Throttle;
use crate::audit::{AuditLog, AuditTable, Entry, Event, Outcome, now};
use crate::users::{Scram, Users};
use crate::{Limits, Role, ServeError, extension};

/// Statements of all roles that run at once.
pub const DEFAULT_CONCURRENCY: usize = 32;
/// Memory for answers: dashboards ask the same for each of their readers.
const ANSWERS_BYTES: usize = 64 << 20;
/// How long a statement may be planned for its description alone.
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(60);

/// What a service needs to know.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    /// The store, and the memory that all statements share.
    pub session: SessionOptions,
    /// The file of users; without one, anybody is let in.
    pub users: Option<PathBuf>,
    /// The audit log.
    pub audit: PathBuf,
    /// Limits of roles that have others than [`Role::limits`].
    pub limits: BTreeMap<Role, Limits>,
    /// Statements of all roles that run at once.
    pub concurrency: usize,
    /// The role of everybody where there is no file of users.
    pub role_without_users: Role,
}

impl ServiceOptions {
    /// With the audit log at `audit`, without users, and the defaults of everything else.
    pub fn new(session: SessionOptions, audit: PathBuf) -> ServiceOptions {
        ServiceOptions {
            session,
            users: None,
            audit,
            limits: BTreeMap::new(),
            concurrency: DEFAULT_CONCURRENCY,
            role_without_users: Role::Analyst,
        }
    }
}

/// Why a statement is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To look at its rows.
    Query,
    /// To take its rows away as a file; for roles that may.
    Export {
        /// In what form: `csv`, `parquet` and the like.
        format: String,
    },
}

/// One statement, as asked.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What is to run.
    pub statement: Statement,
    /// What the client wrote, for the audit log.
    pub text: String,
    /// What `$1` and so on stand for.
    pub parameters: Option<ParamValues>,
    /// Why it is asked.
    pub purpose: Purpose,
    /// A shorter time than the role's, if the client wants that.
    pub timeout: Option<Duration>,
}

impl Ask {
    /// A query without parameters, on the role's own limits.
    pub fn query(statement: Statement, text: impl Into<String>) -> Ask {
        Ask {
            statement,
            text: text.into(),
            parameters: None,
            purpose: Purpose::Query,
            timeout: None,
        }
    }
}

/// Answers callers. Cheap to share.
pub struct Service {
    session: Session,
    users: Option<Users>,
    audit: AuditLog,
    limits: BTreeMap<Role, Limits>,
    places: Places,
    throttle: Throttle,
    role_without_users: Role,
    ends: watch::Sender<bool>,
    running: watch::Sender<usize>,
}

impl Service {
    /// Opens the store, the file of users and the audit log.
    pub async fn open(options: ServiceOptions) -> Result<Arc<Service>, ServeError> {
        let users = options.users.as_deref().map(Users::load).transpose()?;
        let audit = AuditLog::open(&options.audit)?;
        let mut session = options.session;
        session.answers_bytes = ANSWERS_BYTES;
        session.extension = extension::extension(AuditTable::new(audit.path())).await?;
        let limits: BTreeMap<_, _> = Role::ALL
            .into_iter()
            .map(|role| (role, options.limits.get(&role).copied().unwrap_or(role.limits())))
            .collect();
        let places = Places::new(&limits, options.concurrency);
        Ok(Arc::new(Service {
            session: Session::open(session).await?,
            users,
            audit,
            limits,
            places,
            throttle: Throttle::default(),
            role_without_users: options.role_without_users,
            ends: watch::Sender::new(false),
            running: watch::Sender::new(0),
        }))
    }

    /// Whether names and passwords are asked for.
    pub fn has_users(&self) -> bool {
        self.users.is_some()
    }

    /// The session itself, to parse statements with.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// What the statements of `role` may take.
    pub fn limits(&self, role: Role) -> Limits {
        self.limits.get(&role).copied().unwrap_or(role.limits())
    }

    /// Lets a client in that gave name and password. Where there are no users, anybody is let in.
    ///
    /// Wrong ones are written down, and make the next attempt wait.
    pub async fn login(
        &self,
        name: &str,
        password: &str,
        client: Client,
    ) -> Result<Caller, ServeError> {
        let Some(users) = &self.users else { return Ok(self.anybody(name, client)) };
        // Held until it is known whether the password was right.
        let turn = self.throttle.turn(name, client.peer.ip()).await;
        let checked = match &turn {
            Ok(_) => users.check(name, password).await,
            Err(retry_after) => Err(ServeError::TooManyAttempts { retry_after: *retry_after }),
        };
        match checked {
            Ok(user) => {
                self.throttle.forget(name, client.peer.ip());
                Ok(Caller::new(user.name, user.role, client))
            }
            Err(error) => Err(self.shut_out(name, &client, error).await),
        }
    }

    /// What a client that calls itself `name` has to prove; `None` where there are no users.
    pub async fn scram(&self, name: &str, client: &Client) -> Result<Option<Scram>, ServeError> {
        let Some(users) = &self.users else { return Ok(None) };
        match self.throttle.turn(name, client.peer.ip()).await {
            Ok(_) => users.scram(name).map(Some),
            Err(retry_after) => {
                let error = ServeError::TooManyAttempts { retry_after };
                Err(self.shut_out(name, client, error).await)
            }
        }
    }

    /// Lets a client in that has proven what [`Service::scram`] asked for.
    pub async fn proven(&self, name: &str, client: Client) -> Result<Caller, ServeError> {
        let Some(users) = &self.users else { return Ok(self.anybody(name, client)) };
        match users.find(name)? {
            Some(user) => {
                self.throttle.forget(name, client.peer.ip());
                Ok(Caller::new(user.name, user.role, client))
            }
            None => Err(self.not_proven(name, &client).await),
        }
    }

    /// What to tell a client that has not proven it.
    pub async fn not_proven(&self, name: &str, client: &Client) -> ServeError {
        self.shut_out(name, client, ServeError::BadPassword).await
    }

    fn anybody(&self, name: &str, client: Client) -> Caller {
        let name = if name.is_empty() { "anonymous" } else { name };
        Caller::new(name.to_owned(), self.role_without_users, client)
    }

    /// Writes down that `name` was not let in, and has the next one wait if the password was wrong.
    async fn shut_out(&self, name: &str, client: &Client, error: ServeError) -> ServeError {
        if matches!(error, ServeError::BadPassword) {
            self.throttle.failed(name, client.peer.ip());
        }
        let protocol = client.protocol.name();
        metrics::counter!("assay_logins_refused_total", "protocol" => protocol).increment(1);
        tracing::warn!(user = name, peer = %client.peer, protocol, %error, "a login was refused");
        let mut entry = client.entry(Event::Login, name, "");
        entry.outcome = Outcome::Refused;
        entry.reason = Some(error.to_string());
        match self.audit.append(entry).await {
            Ok(()) => error,
            Err(failed) => failed,
        }
    }

    /// What `statement` asks for and answers with; nothing is read.
    pub async fn describe(
        &self,
        caller: &Caller,
        statement: Statement,
    ) -> Result<Description, ServeError> {
        self.describe_bound(caller, statement, None).await
    }

    /// The same, where it is known what parameters stand for.
    pub async fn describe_bound(
        &self,
        caller: &Caller,
        statement: Statement,
        parameters: Option<ParamValues>,
    ) -> Result<Description, ServeError> {
        self.admit(caller, &statement, &Purpose::Query)?;
        let described = self.session.describe(statement, self.terms(caller, parameters));
        match tokio::time::timeout(DESCRIBE_TIMEOUT, described).await {
            Ok(described) => Ok(described?),
            Err(_) => Err(ServeError::TimedOut { after: DESCRIBE_TIMEOUT }),
        }
    }

    /// Runs a statement. Dropping the answer, or this future, stops it.
    pub async fn run(self: &Arc<Self>, caller: &Caller, ask: Ask) -> Result<Answer, ServeError> {
        Course::begin(Arc::clone(self), caller.clone(), ask).await
    }

    /// Writes down a statement that did not come to run, for a reason that is given back.
    pub async fn refuse(
        &self,
        caller: &Caller,
        text: &str,
        purpose: &Purpose,
        error: ServeError,
    ) -> ServeError {
        let mut entry = caller.entry(purpose, text);
        entry.outcome = course::outcome(&error);
        entry.reason = Some(error.to_string());
        match self.note(caller, entry).await {
            Ok(()) => error,
            Err(failed) => failed,
        }
    }

    /// How many statements run, or wait to.
    pub fn running(&self) -> usize {
        *self.running.borrow()
    }

    /// Ends all statements, and returns when the last one is written down.
    pub async fn finish(&self) {
        self.ends.send_replace(true);
        let mut running = self.running.subscribe();
        // The sender is our own.
        let _ = running.wait_for(|count| *count == 0).await;
    }

    /// Whether `caller` may ask `statement` for `purpose` now.
    fn admit(
        &self,
        caller: &Caller,
        statement: &Statement,
        purpose: &Purpose,
    ) -> Result<(), ServeError> {
        self.audit.check()?;
        if *self.ends.borrow() {
            return Err(ServeError::ShuttingDown);
        }
        if let Some(users) = &self.users {
            let now = users.find(caller.name())?;
            if now.map(|user| user.role) != Some(caller.role()) {
                return Err(ServeError::UserChanged { name: caller.name().to_owned() });
            }
        }
        let not_allowed =
            |what: String| ServeError::NotAllowed { what, role: caller.role().name() };
        if !caller.role().may_export() && *purpose != Purpose::Query {
            return Err(not_allowed("an export".to_owned()));
        }
        if !caller.role().may_read_audit() && statement.names(AuditTable::SCHEMA, AuditTable::NAME)
        {
            return Err(not_allowed("system.audit".to_owned()));
        }
        Ok(())
    }

    fn terms(&self, caller: &Caller, parameters: Option<ParamValues>) -> Terms {
        Terms {
            access: caller.role().access(),
            memory_limit_bytes: Some(self.limits(caller.role()).memory_bytes),
            parameters,
        }
    }

    /// Writes `entry` down, and counts it.
    async fn note(&self, caller: &Caller, mut entry: Entry) -> Result<(), ServeError> {
        let labels = [
            ("protocol", caller.client().protocol.name()),
            ("role", caller.role().name()),
            ("outcome", entry.outcome.name()),
        ];
        metrics::counter!("assay_statements_total", &labels).increment(1);
        metrics::counter!("assay_statement_rows_total", &labels[..2]).increment(entry.rows);
        metrics::histogram!("assay_statement_seconds", &labels[..2])
            .record(Duration::from_millis(entry.duration_ms).as_secs_f64());
        entry.time = now();
        self.audit.append(entry).await
    }
}

#[cfg(test)]
mod tests;
