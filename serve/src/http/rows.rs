//! Rows on their way into the body of an answer, a batch at a time.
//!
//! # Invariants
//!
//! * At most one batch is held as text (Parquet: one bounded row group): the next is asked for when the
//!   client has taken the one before.
//! * An answer that breaks off is not ended as a whole one is: the connection is cut, and JSON stays
//!   without its closing bracket.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use assay_query::output::{Format, RowWriter, writer};
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
use bytes::Bytes;
use futures::{StreamExt, stream};
use serde_json::json;

use crate::error::ServeError;
use crate::service::Answer;

/// The answer with the rows of `answer`. A statement that fails before its first row is a failure.
pub async fn response(answer: Answer, format: Format) -> Result<Response<Body>, ServeError> {
    let buffer = Buffer::default();
    let schema = answer.schema();
    let writer = writer(format, &schema, buffer.clone()).map_err(broken)?;
    let mut rows = Rows { answer, format, buffer, writer: Some(writer), has_begun: false };
    // Until here nothing is said, and an error still has its own status.
    let first = rows.next().await?;
    let rest = stream::unfold(State::Going(rows), |state| async {
        match state {
            State::Going(mut rows) => match rows.next().await {
                Ok(Some(bytes)) => Some((Ok(bytes), State::Going(rows))),
                Ok(None) => None,
                Err(error) => {
                    let words = rows.last_words(&error);
                    Some((Ok(words), State::Broken(error)))
                }
            },
            State::Broken(error) => {
                // The connection is cut at the error: what is written is sent before.
                tokio::task::yield_now().await;
                Some((Err(io::Error::other(error)), State::Over))
            }
            State::Over => None,
        }
    });
    let first = stream::iter(first.map(Ok));
    let mut response = Response::new(Body::from_stream(first.chain(rest)));
    let headers = response.headers_mut();
    let kind = match format {
        Format::Csv => "text/csv; charset=utf-8; header=present",
        format => format.media_type(),
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

enum State {
    Going(Rows),
    Broken(ServeError),
    Over,
}

struct Rows {
    answer: Answer,
    format: Format,
    buffer: Buffer,
    /// `None` once the rows are ended.
    writer: Option<Box<dyn RowWriter>>,
    has_begun: bool,
}

impl Rows {
    /// The next bytes; `None` after the last.
    async fn next(&mut self) -> Result<Option<Bytes>, ServeError> {
        loop {
            let Some(writer) = &mut self.writer else { return Ok(None) };
            match self.answer.next().await {
                Some(batch) => {
                    let batch = batch?;
                    writer.write(&batch).map_err(broken)?;
                    self.has_begun |= batch.num_rows() > 0;
                }
                None => {
                    if let Some(writer) = self.writer.take() {
                        writer.finish().map_err(broken)?;
                    }
                }
            }
            let bytes = self.buffer.take();
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
    }

    /// What is said in the document itself about what cut it off.
    fn last_words(&self, error: &ServeError) -> Bytes {
        let error = json!({
            "error": { "sqlstate": error.sqlstate(), "detail": error.to_string() },
        });
        let text = match (self.format, self.has_begun) {
            (Format::Json, false) => format!("[\n{error}\n"),
            (Format::Json, true) => format!(",\n{error}\n"),
            (Format::Ndjson, _) => format!("{error}\n"),
            _ => String::new(),
        };
        Bytes::from(text)
    }
}

fn broken(error: arrow::error::ArrowError) -> ServeError {
    ServeError::Internal(format!("the rows cannot be written: {error}"))
}

/// Bytes that were written and not sent yet.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        // Appending to it and taking it leave it whole whatever happens.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Bytes {
        Bytes::from(mem::take(&mut *self.bytes()))
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
