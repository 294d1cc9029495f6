//! The rows of a statement, as they come.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::{FutureExt, Stream};
use tokio::sync::{mpsc, oneshot, watch};

use crate::ServeError;

/// The rows of a statement, as they come. Dropping it stops the statement.
///
/// It ends only after the statement is written down in the audit log. An error is the last item.
#[derive(Debug)]
pub struct Answer {
    pub(super) schema: SchemaRef,
    pub(super) batches: mpsc::Receiver<RecordBatch>,
    pub(super) end: End,
    /// Rows that were taken out here.
    pub(super) taken: Arc<watch::Sender<u64>>,
}

/// How a statement ends.
#[derive(Debug)]
pub(super) struct End(Option<oneshot::Receiver<Result<(), ServeError>>>);

impl End {
    pub(super) fn new(receiver: oneshot::Receiver<Result<(), ServeError>>) -> End {
        End(Some(receiver))
    }

    /// Why it ended; nothing if all is well, or was told before.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ServeError>> {
        let Some(receiver) = &mut self.0 else { return Poll::Ready(Ok(())) };
        let end = ready!(receiver.poll_unpin(cx));
        self.0 = None;
        Poll::Ready(end.unwrap_or_else(|_| Err(lost())))
    }

    /// The error of a statement that has no rows because it failed.
    pub(super) async fn error(&mut self) -> ServeError {
        match poll_fn(|cx| self.poll(cx)).await {
            Err(error) => error,
            Ok(()) => lost(),
        }
    }
}

fn lost() -> ServeError {
    ServeError::Internal("its course ended without a word".to_owned())
}

impl Answer {
    /// The columns of its rows.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

impl Stream for Answer {
    type Item = Result<RecordBatch, ServeError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.batches.poll_recv(cx) {
            Poll::Ready(Some(batch)) => {
                self.taken.send_modify(|taken| *taken += batch.num_rows() as u64);
                Poll::Ready(Some(Ok(batch)))
            }
            Poll::Ready(None) => Poll::Ready(ready!(self.end.poll(cx)).err().map(Err)),
            // The statement may have been stopped while its operators still compute.
            Poll::Pending => match ready!(self.end.poll(cx)) {
                Err(error) => Poll::Ready(Some(Err(error))),
                Ok(()) => Poll::Pending,
            },
        }
    }
}
