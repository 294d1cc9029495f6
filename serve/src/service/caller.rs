//! Who asks.

use std::net::SocketAddr;
use std::sync::Arc;

use super::Purpose;
use crate::Role;
use crate::audit::{Entry, Event, Outcome, now};

/// By which protocol a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// PostgreSQL's.
    Postgres,
    /// HTTP.
    Http,
    /// Flight SQL.
    Flight,
}

impl Protocol {
    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Postgres => "postgres",
            Protocol::Http => "http",
            Protocol::Flight => "flight",
        }
    }
}

/// A connected program.
#[derive(Clone, Debug)]
pub struct Client {
    /// How it asks.
    pub protocol: Protocol,
    /// From where.
    pub peer: SocketAddr,
    /// What it calls itself, if it does.
    pub application: Option<String>,
}

impl Client {
    /// What the audit log says of this client, with everything else empty.
    pub(super) fn entry(&self, event: Event, user: &str, role: &str) -> Entry {
        Entry {
            time: now(),
            event,
            user: user.to_owned(),
            role: role.to_owned(),
            protocol: self.protocol.name().to_owned(),
            peer: self.peer.to_string(),
            application: self.application.clone(),
            statement: None,
            statement_sha256: None,
            parameters: vec![],
            format: None,
            duration_ms: 0,
            rows: 0,
            outcome: Outcome::Done,
            reason: None,
        }
    }
}

/// A client that was let in: only [`super::Service`] makes them.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    role: Role,
    client: Client,
}

impl Caller {
    pub(super) fn new(name: String, role: Role, client: Client) -> Caller {
        Caller(Arc::new(Inner { name, role, client }))
    }

    /// The user's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What they may do.
    pub fn role(&self) -> Role {
        self.0.role
    }

    /// Their program.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// What the audit log says of a statement of theirs, without its end.
    pub(super) fn entry(&self, purpose: &Purpose, text: &str) -> Entry {
        let event = match purpose {
            Purpose::Query => Event::Statement,
            Purpose::Export { .. } => Event::Export,
        };
        let mut entry = self.client().entry(event, self.name(), self.role().name());
        if let Purpose::Export { format } = purpose {
            entry.format = Some(format.clone());
        }
        entry.set_statement(text);
        entry
    }
}
