//! PostgreSQL's protocol, for `psql`, DBeaver, Grafana and everything else that speaks it.
//!
//! | file | what it holds |
//! |---|---|
//! | `startup.rs` | TLS, the first message, the password |
//! | `wire.rs` | messages in and out, bounded |
//! | `connection.rs` | one client: its messages, one after the other |
//! | `command.rs`, `rewrite.rs`, `rewrite_catalog.rs` | what a client asks, from its text; PostgreSQL's words in the engine's |
//! | `extended.rs`, `run.rs`, `portal.rs`, `rows.rs` | statements with parameters; carrying out; cursors; rows |
//! | `parameter.rs`, `values_in.rs`, `encode/`, `copy.rs` | values in and out |
//! | `settings.rs`, `cancel.rs` | what a client can set; requests to cancel |
//! | `catalog/` | PostgreSQL's own catalog, made of ours |

mod cancel;
pub(crate) mod catalog;
mod command;
mod connection;
mod copy;
mod encode;
mod extended;
mod parameter;
mod portal;
mod rewrite;
mod rewrite_catalog;
mod rows;
mod run;
mod settings;
mod startup;
mod values_in;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;

use self::cancel::Cancels;
use self::connection::{Connection, put_error};
use self::startup::Duplex;
use self::wire::Wire;
use crate::listen::{Connections, HANDSHAKE_TIMEOUT, Hangup, Shutdown};
use crate::metrics::Connected;
use crate::service::{Protocol, Service};
use crate::{ServeError, Tls};

/// Answers clients by PostgreSQL's protocol.
pub struct Postgres {
    service: Arc<Service>,
    tls: Option<Tls>,
    cancels: Arc<Cancels>,
    connections: usize,
}

impl Postgres {
    /// Answers through `service`, encrypted if there is `tls`. `connections` is the most that are taken, as
    /// who is turned away is told.
    pub fn new(service: Arc<Service>, tls: Option<Tls>, connections: usize) -> Postgres {
        Postgres { service, tls, cancels: Arc::default(), connections }
    }
}

impl Connections for Postgres {
    async fn serve(self: Arc<Self>, socket: TcpStream, peer: SocketAddr, shutdown: Shutdown) {
        let Ok(hangup) = Hangup::of(&socket) else { return };
        let _connected = Connected::by(Protocol::Postgres);
        let tls = self.tls.as_ref();
        let start = async {
            let opened = startup::open(socket, tls).await.ok()?;
            startup::start(&self.service, &self.cancels, tls, opened, peer).await.ok()?
        };
        // Nobody keeps a place without logging in.
        let Ok(Some(started)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, start).await else {
            return;
        };
        Connection::new(Arc::clone(&self.service), started).serve(&hangup, shutdown).await;
    }

    async fn refuse(self: Arc<Self>, socket: TcpStream) {
        let mut wire: Wire<Box<dyn Duplex>> = match startup::open(socket, self.tls.as_ref()).await {
            Ok(opened) => opened.wire,
            Err(_) => return,
        };
        let error = ServeError::TooManyConnections { limit: self.connections };
        // A client listens once it has said who it is.
        if wire.read().await.is_ok() && put_error(&mut wire, &error, "FATAL", None).is_ok() {
            let _ = wire.flush().await;
        }
    }
}
