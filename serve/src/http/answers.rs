//! From a request to its answer: who asks, what, and in which format.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use assay_query::output::Format;
use assay_query::{QueryError, Statement};
use axum::body::Body;
use axum::http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};

use super::failure::Failure;
use super::parameters::Values;
use super::routes::{Does, Route};
use super::{negotiate, openapi, rows, statement};
use crate::basic::Authorization;
use crate::service::{Ask, Caller, Client, Protocol, Purpose, Service};
use crate::{Metrics, ServeError};

/// Most letters of what a program calls itself that are kept.
const APPLICATION_LETTERS_MAX: usize = 120;

/// Version of the format in which metrics are written.
const METRICS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What routes answer with.
pub(super) struct Answers {
    service: Arc<Service>,
    metrics: Metrics,
    body_time: Duration,
    /// Whether only names of this machine are listened to: what protects a server without passwords
    /// from pages in a browser that point a name of theirs at it.
    only_local_names: bool,
}

/// Where a request comes from.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// Who makes a request, as the request says it.
struct Asker {
    name: String,
    password: String,
    client: Client,
}

/// A statement and how its rows are wanted.
struct Asked {
    ask: Ask,
    format: Format,
}

/// Why there is no statement.
struct Refused {
    failure: Failure,
    /// What was asked, where that is not told by the path.
    text: Option<String>,
}

impl<E: Into<Failure>> From<E> for Refused {
    fn from(error: E) -> Refused {
        Refused { failure: error.into(), text: None }
    }
}

impl Answers {
    pub(super) fn new(
        service: Arc<Service>,
        address: SocketAddr,
        metrics: Metrics,
        body_time: Duration,
    ) -> Answers {
        let only_local_names = !service.has_users() && address.ip().is_loopback();
        Answers { service, metrics, body_time, only_local_names }
    }

    /// Answers a request that came by `route`'s path.
    pub(super) async fn answer(
        &self,
        route: &'static Route,
        request: Request<Body>,
    ) -> Response<Body> {
        let answer = self.try_answer(route, request).await;
        let mut response = answer.unwrap_or_else(|failure| failure.response());
        let nosniff = HeaderValue::from_static("nosniff");
        response.headers_mut().insert("x-content-type-options", nosniff);
        response
    }

    async fn try_answer(
        &self,
        route: &'static Route,
        request: Request<Body>,
    ) -> Result<Response<Body>, Failure> {
        if request.method().as_str() != route.method.name() {
            return Err(Failure::Method(route.method.name()));
        }
        self.check_origin(request.headers())?;
        if !route.does.is_open() {
            let asker = self.asker(&request)?;
            let caller = self.service.login(&asker.name, &asker.password, asker.client).await?;
            return self.rows(route, &caller, request).await;
        }
        Values::read(request.uri().query(), route.parameters)?;
        Ok(match route.does {
            Does::OpenApi => whole("application/json", format!("{}\n", openapi())),
            Does::Metrics => whole(METRICS_TEXT, self.metrics.render()),
            _ => whole("text/plain; charset=utf-8", "alive\n".to_owned()),
        })
    }

    /// Refuses requests that a page in a browser makes behind the back of who looks at it.
    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let forbidden = |detail: &str| Failure::Http(StatusCode::FORBIDDEN, detail.to_owned());
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        if matches!(site, Some(site) if site != b"same-origin" && site != b"none") {
            return Err(forbidden("pages of other sites are not answered"));
        }
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        if self.only_local_names && !host.is_some_and(is_local) {
            let detail = "a server without users is called localhost, or by its address";
            return Err(forbidden(detail));
        }
        Ok(())
    }

    /// Who makes `request`, as the request says it.
    fn asker(&self, request: &Request<Body>) -> Result<Asker, Failure> {
        let headers = request.headers();
        let application = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        let application =
            application.map(|name| name.chars().take(APPLICATION_LETTERS_MAX).collect());
        let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
        let peer = peer.ok_or_else(|| ServeError::Internal("a request from nowhere".to_owned()))?;
        let client = Client { protocol: Protocol::Http, peer, application };
        let said = headers.get(AUTHORIZATION);
        let said = said.map(|said| said.to_str().ok().and_then(Authorization::read));
        let (name, password) = match said {
            Some(Some(Authorization::Basic(name, password))) => (name, password),
            None if !self.service.has_users() => Default::default(),
            _ => {
                let detail = "a name and a password are needed, as Basic has them".to_owned();
                return Err(Failure::Http(StatusCode::UNAUTHORIZED, detail));
            }
        };
        Ok(Asker { name, password, client })
    }

    /// The rows that `request` asks for. What is refused before it is a statement is written down, too.
    async fn rows(
        &self,
        route: &'static Route,
        caller: &Caller,
        request: Request<Body>,
    ) -> Result<Response<Body>, Failure> {
        let path = request.uri().path_and_query().map_or("", |path| path.as_str());
        let line = format!("{} {path}", route.method.name());
        let Asked { ask, format } = match self.asked(route, request).await {
            Ok(asked) => asked,
            Err(refused) => {
                let text = refused.text.as_deref().unwrap_or(&line);
                return Err(self.refused(caller, text, refused.failure).await);
            }
        };
        let text = ask.text.clone();
        let of_sql = |error| Failure::of_sql(error, &text);
        let answer = self.service.run(caller, ask).await.map_err(of_sql)?;
        rows::response(answer, format).await.map_err(of_sql)
    }

    async fn refused(&self, caller: &Caller, text: &str, failure: Failure) -> Failure {
        let refuse = |error| self.service.refuse(caller, text, &Purpose::Query, error);
        match failure {
            Failure::Served(error, position) => Failure::Served(refuse(error).await, position),
            failure => match refuse(ServeError::BadRequest(failure.to_string())).await {
                ServeError::BadRequest(_) => failure,
                error => error.into(),
            },
        }
    }

    /// What `request` asks for.
    async fn asked(&self, route: &Route, request: Request<Body>) -> Result<Asked, Refused> {
        let (head, body) = request.into_parts();
        let values = Values::read(head.uri.query(), route.parameters)?;
        let in_query = values.format();
        let (mut ask, in_body) = match route.does {
            Does::Analysis(analysis) => {
                let statement = analysis.statement(values).map_err(ServeError::from)?;
                let text = statement.to_string();
                (Ask::query(statement, text), None)
            }
            _ => {
                let read = statement::read(&head.headers, body, self.body_time).await?;
                let parsed = self.parse(&read.sql);
                let statement = parsed.map_err(|error| Refused {
                    failure: Failure::of_sql(error, &read.sql),
                    text: Some(read.sql.clone()),
                })?;
                let mut ask = Ask::query(statement, read.sql);
                ask.parameters = read.parameters;
                (ask, read.format)
            }
        };
        let format = format(in_query.or(in_body), &head.headers)?;
        if is_file(format) {
            ask.purpose = Purpose::Export { format: format.name().to_owned() };
        }
        Ok(Asked { ask, format })
    }

    fn parse(&self, sql: &str) -> Result<Statement, ServeError> {
        let mut statements = self.service.session().statements(sql)?;
        let count = statements.len();
        match statements.pop() {
            Some(statement) if count == 1 => Ok(statement),
            _ => Err(QueryError::NotOne { count }.into()),
        }
    }
}

/// The format that was `said`, or that the header `Accept` asks for.
fn format(said: Option<Format>, headers: &HeaderMap) -> Result<Format, Failure> {
    let accept = headers.get(ACCEPT).map(|accept| accept.to_str().unwrap_or_default());
    match (said, accept) {
        (Some(format), _) => Ok(format),
        (None, None) => Ok(Format::Json),
        (None, Some(accept)) => negotiate::accepted(accept).ok_or_else(|| {
            let known = Format::ALL.map(Format::media_type).join(", ");
            Failure::Http(StatusCode::NOT_ACCEPTABLE, format!("there are {known}"))
        }),
    }
}

/// Whether rows in `format` are a file to be kept, rather than an answer that a program reads.
fn is_file(format: Format) -> bool {
    matches!(format, Format::Parquet | Format::Arrow)
}

/// Whether a header `Host` names this machine, or a machine by its address.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

fn whole(kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_looked_up_is_not_local() {
        for (host, local) in [
            ("localhost:8080", true),
            ("127.0.0.1", true),
            ("[::1]:80", true),
            ("attacker.example:8080", false),
            ("localhost.attacker.example", false),
            ("", false),
        ] {
            assert_eq!(is_local(host), local, "{host}");
        }
    }
}
