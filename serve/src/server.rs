//! The server: one process that listens for each protocol that is asked for.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::flight::Flight;
use crate::http::{Http, Patience};
use crate::listen::{Connections, Places, Shutdown, accept};
use crate::postgres::Postgres;
use crate::service::{Service, ServiceOptions};
use crate::{Metrics, ServeError, Tls};

/// Clients that may be connected at once, over all protocols.
pub const DEFAULT_CONNECTIONS: usize = 600;

/// What a server needs to know.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Who is answered, from what, and how much they may take.
    pub service: ServiceOptions,
    /// Where clients of PostgreSQL are answered.
    pub pg: Option<SocketAddr>,
    /// Where clients of HTTP are answered.
    pub http: Option<SocketAddr>,
    /// Where clients of Flight SQL are answered.
    pub flight: Option<SocketAddr>,
    /// What the server shows to be who it is; without it nothing is encrypted.
    pub tls: Option<Tls>,
    /// Clients that may be connected at once.
    pub connections: usize,
    /// Whether to listen beyond this machine without users, or without TLS.
    pub insecure: bool,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It would answer anybody, or tell passwords and rows to whoever listens in.
    #[error(
        "{address} can be reached from other machines, and there {missing}: name --users and --tls-cert, or listen on 127.0.0.1; --insecure-listen-without-tls-or-users does it nevertheless"
    )]
    Insecure {
        /// Where it was to listen.
        address: SocketAddr,
        /// What is missing, in words.
        missing: &'static str,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address} for {protocol}")]
    Bind {
        /// Where it was to listen.
        address: SocketAddr,
        /// For what.
        protocol: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The store, the users or the audit log cannot be used.
    #[error(transparent)]
    Service(#[from] ServeError),
}

/// A server that listens.
pub struct Server {
    service: Arc<Service>,
    ends: watch::Sender<bool>,
    listeners: JoinSet<()>,
    pg: Option<SocketAddr>,
    http: Option<SocketAddr>,
    flight: Option<SocketAddr>,
}

impl Server {
    /// Opens the store and listens; clients are answered from now on.
    pub async fn start(options: ServerOptions) -> Result<Server, StartError> {
        check(&options)?;
        let places = Places::new(options.connections);
        // Ports first: who may not have them need not wait for the store.
        let pg = bind(options.pg, "PostgreSQL").await?;
        let http = bind(options.http, "HTTP").await?;
        let flight = bind(options.flight, "Flight SQL").await?;
        // Before anything happens that is counted.
        let metrics = Metrics::record()?;
        let service = Service::open(options.service).await?;
        let (ends, shutdown) = Shutdown::new();
        let listeners = JoinSet::new();
        let mut server = Server { service, ends, listeners, pg: None, http: None, flight: None };
        if let Some((listener, address)) = pg {
            server.pg = Some(address);
            let service = Arc::clone(&server.service);
            let protocol = Postgres::new(service, options.tls.clone(), places.limit());
            server.listen(listener, &places, &shutdown, protocol);
        }
        if let Some((listener, address)) = http {
            server.http = Some(address);
            let (service, tls) = (Arc::clone(&server.service), options.tls.as_ref());
            let protocol = Http::new(service, tls, address, metrics, Patience::default());
            server.listen(listener, &places, &shutdown, protocol);
        }
        if let Some((listener, address)) = flight {
            server.flight = Some(address);
            let protocol = Flight::new(Arc::clone(&server.service), options.tls.as_ref());
            server.listen(listener, &places, &shutdown, protocol);
        }
        Ok(server)
    }

    fn listen<C: Connections>(
        &mut self,
        listener: TcpListener,
        places: &Places,
        shutdown: &Shutdown,
        protocol: C,
    ) {
        let (places, shutdown) = (places.clone(), shutdown.clone());
        self.listeners.spawn(accept(listener, places, shutdown, Arc::new(protocol)));
    }

    /// Where clients of PostgreSQL are answered.
    pub fn pg(&self) -> Option<SocketAddr> {
        self.pg
    }

    /// Where clients of HTTP are answered.
    pub fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Where clients of Flight SQL are answered.
    pub fn flight(&self) -> Option<SocketAddr> {
        self.flight
    }

    /// Who answers.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Takes no more clients, ends what runs, and returns when all is written down.
    pub async fn stop(mut self) {
        self.ends.send_replace(true);
        self.service.finish().await;
        while self.listeners.join_next().await.is_some() {}
    }
}

fn check(options: &ServerOptions) -> Result<(), StartError> {
    let missing = match (&options.service.users, &options.tls) {
        (Some(_), Some(_)) => return Ok(()),
        (None, None) => "are neither users nor TLS",
        (None, Some(_)) => "are no users",
        (Some(_), None) => "is no TLS",
    };
    let all = [options.pg, options.http, options.flight];
    let open = all.into_iter().flatten().find(|address| !address.ip().is_loopback());
    match open {
        Some(address) if !options.insecure => Err(StartError::Insecure { address, missing }),
        _ => Ok(()),
    }
}

async fn bind(
    address: Option<SocketAddr>,
    protocol: &'static str,
) -> Result<Option<(TcpListener, SocketAddr)>, StartError> {
    let Some(address) = address else { return Ok(None) };
    let failed = |source| StartError::Bind { address, protocol, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    // The port is another one where none was named.
    let bound = listener.local_addr().map_err(failed)?;
    Ok(Some((listener, bound)))
}
