//! Flight SQL: rows in bulk, as Arrow, over gRPC.
//!
//! # Invariants
//!
//! * A token is good for the address that logged in, a ticket for the user who got it, and both for a while.
//! * Nothing writes: updates and ingestion are refused.
//! * A connection without a request is not kept.

mod catalog;
mod login;
mod prepared;
mod rows;
mod sql;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tonic::service::Routes;
use tower_service::Service as _;

use self::sql::FlightSql;
use crate::Tls;
use crate::listen::{Connections, HANDSHAKE_TIMEOUT, IDLE_TIMEOUT, Shutdown, WRITE_TIMEOUT};
use crate::metrics::Connected;
use crate::service::{Protocol, Service};
use crate::stall::Patient;

/// Requests that one connection may have under way.
const STREAMS_MAX: u32 = 64;
/// Most bytes of a request's head.
const HEAD_BYTES_MAX: u32 = 64 << 10;
/// Most bytes of a message from a client: a statement, or parameters.
const MESSAGE_BYTES_MAX: usize = 4 << 20;
/// How often a client is asked whether it is still there, and how long it may take to say so.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// Where a request comes from.
#[derive(Clone, Copy)]
struct Peer(SocketAddr);

/// Answers by Flight SQL.
pub struct Flight {
    routes: Routes,
    tls: Option<TlsAcceptor>,
}

impl Flight {
    /// Answers for `service`.
    pub fn new(service: Arc<Service>, tls: Option<&Tls>) -> Flight {
        let server = FlightServiceServer::new(FlightSql::new(service))
            .max_decoding_message_size(MESSAGE_BYTES_MAX);
        let tls = tls.map(|tls| tls.acceptor(&[b"h2"]));
        Flight { routes: Routes::new(server).prepare(), tls }
    }

    async fn converse<C>(&self, connection: C, peer: SocketAddr, mut shutdown: Shutdown)
    where
        C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let requests = AtomicU64::new(0);
        let answer = service_fn(|mut request: Request<Incoming>| {
            requests.fetch_add(1, Ordering::Relaxed);
            request.extensions_mut().insert(Peer(peer));
            self.routes.clone().call(request)
        });
        let conversation = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(HEAD_BYTES_MAX)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_INTERVAL)
            .serve_connection(TokioIo::new(connection), answer);
        let mut conversation = std::pin::pin!(conversation);
        let ended = tokio::select! {
            ended = conversation.as_mut() => ended,
            () = shutdown.begun() => {
                conversation.as_mut().graceful_shutdown();
                conversation.await
            }
            // Statements that are under way have their own limits, and are not waited for.
            () = silence(&requests) => return,
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "a connection broke off");
        }
    }
}

/// Returns when no request has come for too long.
async fn silence(requests: &AtomicU64) {
    tokio::time::sleep(HANDSHAKE_TIMEOUT).await;
    let mut known = 0;
    loop {
        let count = requests.load(Ordering::Relaxed);
        if count == known {
            return;
        }
        known = count;
        // Longer than any statement takes, so that none is under way when nothing came.
        tokio::time::sleep(IDLE_TIMEOUT).await;
    }
}

impl Connections for Flight {
    async fn serve(self: Arc<Self>, socket: TcpStream, peer: SocketAddr, shutdown: Shutdown) {
        let _connected = Connected::by(Protocol::Flight);
        let socket = Patient::new(socket, WRITE_TIMEOUT);
        match &self.tls {
            None => self.converse(socket, peer, shutdown).await,
            Some(tls) => match timeout(HANDSHAKE_TIMEOUT, tls.accept(socket)).await {
                Ok(Ok(socket)) => self.converse(socket, peer, shutdown).await,
                Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS came about"),
                Err(_) => tracing::debug!(%peer, "no TLS came about in time"),
            },
        }
    }

    async fn refuse(self: Arc<Self>, socket: TcpStream) {
        // HTTP/2 has no words for it before its own handshake: the client sees that nobody answers.
        drop(socket);
    }
}
