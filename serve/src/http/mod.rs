//! HTTP: SQL in the body of a request, and ready analyses by their paths.
//!
//! # Invariants
//!
//! * What is answered is what [`routes::ROUTES`] lists: anything else is 404, 405 or 400.
//! * Whoever is not let in learns nothing of what is stored.
//! * A client that says nothing, or reads nothing, loses its connection.

mod analyses;
mod answers;
mod failure;
mod negotiate;
mod openapi;
mod parameters;
mod routes;
mod rows;
mod statement;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::any;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

use self::answers::{Answers, Peer};
use self::failure::Failure;
use self::routes::ROUTES;
use crate::listen::{Connections, Shutdown, WRITE_TIMEOUT};
use crate::metrics::Connected;
use crate::service::{Protocol, Service};
use crate::stall::Patient;
use crate::{Metrics, Tls};

pub use self::openapi::document as openapi;

/// Most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// How long clients are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For TLS, for the head of a request, and for the next request of a connection.
    pub head: Duration,
    /// For the body of a request.
    pub body: Duration,
    /// For reading anything at all of what is written.
    pub write: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            head: Duration::from_secs(15),
            body: Duration::from_secs(30),
            write: WRITE_TIMEOUT,
        }
    }
}

/// Answers by HTTP.
pub struct Http {
    router: Router,
    tls: Option<TlsAcceptor>,
    patience: Patience,
}

impl Http {
    /// Answers for `service` on a socket bound to `address`; `metrics` are those of the process.
    pub fn new(
        service: Arc<Service>,
        tls: Option<&Tls>,
        address: SocketAddr,
        metrics: Metrics,
        patience: Patience,
    ) -> Http {
        let answers = Answers::new(service, address, metrics, patience.body);
        let tls = tls.map(|tls| tls.acceptor(&[b"http/1.1"]));
        Http { router: router(&Arc::new(answers)), tls, patience }
    }

    async fn converse<C>(&self, connection: C, peer: SocketAddr, mut shutdown: Shutdown)
    where
        C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let answer = service_fn(|mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            self.router.clone().call(request)
        });
        let conversation = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.patience.head)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(connection), answer);
        let mut conversation = std::pin::pin!(conversation);
        let ended = tokio::select! {
            ended = conversation.as_mut() => ended,
            () = shutdown.begun() => {
                conversation.as_mut().graceful_shutdown();
                conversation.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "a connection broke off");
        }
    }
}

impl Connections for Http {
    async fn serve(self: Arc<Self>, socket: TcpStream, peer: SocketAddr, shutdown: Shutdown) {
        let _connected = Connected::by(Protocol::Http);
        let socket = Patient::new(socket, self.patience.write);
        match &self.tls {
            None => self.converse(socket, peer, shutdown).await,
            Some(tls) => match timeout(self.patience.head, tls.accept(socket)).await {
                Ok(Ok(socket)) => self.converse(socket, peer, shutdown).await,
                Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS came about"),
                Err(_) => tracing::debug!(%peer, "no TLS came about in time"),
            },
        }
    }

    async fn refuse(self: Arc<Self>, mut socket: TcpStream) {
        if self.tls.is_some() {
            // Nothing can be said before the handshake, which would cost what there is too little of.
            return;
        }
        let text = "the server has all the connections that it takes: try again later\n";
        let answer = format!(
            "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\nretry-after: 1\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{text}",
            text.len()
        );
        // Whether it is heard makes no difference here.
        let _ = socket.write_all(answer.as_bytes()).await;
        let _ = socket.shutdown().await;
        // A socket that is closed with something unread takes back what was written.
        let _ = tokio::io::copy(&mut socket, &mut tokio::io::sink()).await;
    }
}

fn router(answers: &Arc<Answers>) -> Router {
    let mut router = Router::new();
    for route in &ROUTES {
        let answers = Arc::clone(answers);
        let answer = move |request: Request<Body>| {
            let answers = Arc::clone(&answers);
            async move { answers.answer(route, request).await }
        };
        router = router.route(route.path, any(answer));
    }
    router.fallback(|| async {
        let detail = "there is nothing here: /api/openapi.json lists what there is";
        Failure::Http(StatusCode::NOT_FOUND, detail.to_owned()).response()
    })
}
