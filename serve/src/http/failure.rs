//! What a client is told when it gets no rows: a problem document (RFC 9457) with the SQLSTATE.

use std::fmt;

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::error::ServeError;

/// The type of problem documents.
pub const PROBLEM_TYPE: &str = "application/problem+json";

/// Why a request is not answered.
#[derive(Debug)]
pub enum Failure {
    /// As every protocol says it, with the place of the error in the SQL text.
    Served(ServeError, Option<usize>),
    /// What only HTTP knows.
    Http(StatusCode, String),
    /// The path is there, for another method.
    Method(&'static str),
}

impl Failure {
    /// The request cannot be understood.
    pub fn bad(detail: String) -> Failure {
        Failure::Http(StatusCode::BAD_REQUEST, detail)
    }

    /// A statement failed.
    pub fn of_sql(error: ServeError, sql: &str) -> Failure {
        let position = error.position(sql);
        Failure::Served(error, position)
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Failure::Served(ServeError::TooManyAttempts { .. }, _) => StatusCode::TOO_MANY_REQUESTS,
            Failure::Served(error, _) => {
                let status = StatusCode::from_u16(error.http_status());
                status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Failure::Http(status, _) => *status,
            Failure::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// What is wrong, as members of a problem document.
    pub fn document(&self) -> Value {
        let status = self.status();
        let mut document = Map::new();
        document.insert("type".to_owned(), json!("about:blank"));
        let title = status.canonical_reason().unwrap_or("The client has gone");
        document.insert("title".to_owned(), json!(title));
        document.insert("status".to_owned(), json!(status.as_u16()));
        document.insert("detail".to_owned(), json!(self.to_string()));
        if let Failure::Served(error, position) = self {
            document.insert("sqlstate".to_owned(), json!(error.sqlstate()));
            if let Some(position) = position {
                document.insert("position".to_owned(), json!(position));
            }
        }
        Value::Object(document)
    }

    /// The whole answer.
    pub fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(format!("{}\n", self.document())));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Failure::Method(allowed) => {
                headers.insert(ALLOW, HeaderValue::from_static(allowed));
            }
            Failure::Served(ServeError::TooManyAttempts { retry_after }, _) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)));
            }
            _ if self.status() == StatusCode::UNAUTHORIZED => {
                let asked = HeaderValue::from_static("Basic realm=\"assay\", charset=\"UTF-8\"");
                headers.insert(WWW_AUTHENTICATE, asked);
            }
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Failure {
        Failure::Served(error, None)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Served(error, _) => error.fmt(f),
            Failure::Http(_, detail) => f.write_str(detail),
            Failure::Method(allowed) => write!(f, "only {allowed} is answered here"),
        }
    }
}
