//! The endpoint: a server for few, short, unauthenticated questions.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::Health;

/// What clients may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most connections at once; a further one takes the place of the oldest, so that those who
    /// connect and say nothing keep nobody waiting.
    pub connections: usize,
    /// How long a connection may last, from the first byte of the question to the last of the
    /// answer.
    pub time: Duration,
    /// How long a client may take to say what it wants.
    pub header_time: Duration,
    /// Largest question, bytes.
    pub header_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 32,
            time: Duration::from_secs(10),
            header_time: Duration::from_secs(3),
            header_bytes: 8 << 10,
        }
    }
}

/// Pause after a connection could not be accepted, as when there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const TEXT: &str = "text/plain; charset=utf-8";
/// Version of the format in which metrics are written.
const METRICS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is asked.
pub(super) struct Endpoint {
    pub health: Arc<Health>,
    pub metrics: PrometheusHandle,
}

type Answer = Response<Full<Bytes>>;

/// Answers those who connect to `listener`, for as long as it is polled; with it all connections end.
pub(super) async fn serve(listener: TcpListener, endpoint: Arc<Endpoint>, limits: Limits) {
    let mut connections = JoinSet::new();
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                refused(&error).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        open.retain(|connection| !connection.is_finished());
        if open.len() >= limits.connections
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        let conversation = converse(stream, Arc::clone(&endpoint), limits);
        open.push_back(connections.spawn(async move {
            // Whoever is too slow, or talks nonsense, is not answered.
            let _ = timeout(limits.time, conversation).await;
        }));
    }
}

async fn refused(error: &io::Error) {
    tracing::warn!(%error, "cannot accept a connection to the endpoint");
    sleep(ACCEPT_PAUSE).await;
}

/// Answers one question: a connection is not kept for the next, which would hold its place.
async fn converse(
    stream: TcpStream,
    endpoint: Arc<Endpoint>,
    limits: Limits,
) -> Result<(), hyper::Error> {
    let service = service_fn(|request| {
        let answer = endpoint.answer(&request);
        ready(Ok::<_, Infallible>(answer))
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .header_read_timeout(limits.header_time)
        .max_buf_size(limits.header_bytes)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

impl Endpoint {
    fn answer(&self, request: &Request<Incoming>) -> Answer {
        if request.method() != Method::GET {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
            return answer;
        }
        if !request.body().is_end_stream() {
            return text(StatusCode::PAYLOAD_TOO_LARGE, "nothing is taken\n");
        }
        match request.uri().path() {
            "/metrics" => self.metrics(),
            "/livez" => text(StatusCode::OK, "alive\n"),
            "/readyz" => self.readiness(),
            _ => text(StatusCode::NOT_FOUND, "there are /metrics, /livez and /readyz\n"),
        }
    }

    fn metrics(&self) -> Answer {
        self.health.record_age();
        let mut answer = text(StatusCode::OK, self.metrics.render());
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(METRICS_TEXT));
        answer
    }

    fn readiness(&self) -> Answer {
        match self.health.check() {
            Ok(position) => text(StatusCode::OK, format!("ready: {position}\n")),
            Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")),
        }
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(TEXT));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
