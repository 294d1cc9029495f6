//! The course of one statement: a task of its own, so that time and memory are given back whether or not
//! anybody reads the rows.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use assay_query::SendableRecordBatchStream;
use datafusion::common::ParamValues;
use futures::StreamExt;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::answer::{Answer, End};
use super::{Ask, Caller, Service};
use crate::ServeError;
use crate::audit::{Entry, Outcome};
use crate::error::Class;

/// Batches that wait for whoever reads them.
const BATCHES_AHEAD: usize = 2;
/// The longest value of a parameter that is written down whole, letters.
const MAX_PARAMETER_LETTERS: usize = 256;

/// What the rows of a statement go through.
struct Outlet {
    schema: Option<oneshot::Sender<SchemaRef>>,
    batches: mpsc::Sender<RecordBatch>,
}

/// Counts a statement that runs, until dropped.
struct Runs(watch::Sender<usize>);

impl Runs {
    fn new(running: &watch::Sender<usize>) -> Runs {
        running.send_modify(|count| *count += 1);
        metrics::gauge!("assay_statements_running").increment(1.0);
        Runs(running.clone())
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        metrics::gauge!("assay_statements_running").decrement(1.0);
        self.0.send_modify(|count| *count -= 1);
    }
}

/// One statement and who asks it.
pub(super) struct Course {
    service: Arc<Service>,
    caller: Caller,
    ask: Ask,
    taken: Arc<watch::Sender<u64>>,
}

impl Course {
    /// Starts the statement; returns when its columns are known.
    pub(super) async fn begin(
        service: Arc<Service>,
        caller: Caller,
        ask: Ask,
    ) -> Result<Answer, ServeError> {
        let (schema_sender, schema) = oneshot::channel();
        let (batch_sender, batches) = mpsc::channel(BATCHES_AHEAD);
        let (end_sender, end) = oneshot::channel();
        let taken = Arc::new(watch::Sender::new(0));
        let runs = Runs::new(&service.running);
        let course = Course { service, caller, ask, taken: Arc::clone(&taken) };
        let outlet = Outlet { schema: Some(schema_sender), batches: batch_sender };
        tokio::spawn(async move {
            let end = course.run(outlet).await;
            drop(runs);
            // Whoever asked may have gone.
            let _ = end_sender.send(end);
        });
        let mut end = End::new(end);
        tokio::select! {
            biased;
            Ok(schema) = schema => Ok(Answer { schema, batches, end, taken }),
            error = end.error() => Err(error),
        }
    }

    async fn run(self, outlet: Outlet) -> Result<(), ServeError> {
        let began = Instant::now();
        let timeout = self.timeout();
        let mut ends = self.service.ends.subscribe();
        let gone = outlet.batches.clone();
        let course = Arc::new(self);
        // A task of its own: an operator that computes for long without giving way holds up only itself,
        // and the end is told all the same. What is dropped stops when it does give way.
        let mut work = JoinSet::new();
        let working = Arc::clone(&course);
        work.spawn(async move { working.rows(outlet).await });
        let result = tokio::select! {
            biased;
            ended = work.join_next() => match ended {
                Some(Ok(result)) => result,
                Some(Err(error)) => Err(ServeError::Internal(error.to_string())),
                None => Err(ServeError::Internal("there was nothing to run".to_owned())),
            },
            () = gone.closed() => Err(ServeError::Cancelled),
            () = tokio::time::sleep(timeout) => Err(ServeError::TimedOut { after: timeout }),
            _ = ends.wait_for(|ends| *ends) => Err(ServeError::ShuttingDown),
        };
        work.abort_all();
        let mut entry = course.entry();
        entry.duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        entry.rows = *course.taken.borrow();
        if let Err(error) = &result {
            entry.outcome = outcome(error);
            entry.reason = Some(error.to_string());
        }
        course.service.note(&course.caller, entry).await?;
        result
    }

    /// Runs the statement and passes its rows on, all that it may have.
    async fn rows(&self, mut outlet: Outlet) -> Result<(), ServeError> {
        let Course { service, caller, ask, .. } = self;
        service.admit(caller, &ask.statement, &ask.purpose)?;
        let place = service.places.take(caller.role()).await?;
        let terms = service.terms(caller, ask.parameters.clone());
        let mut stream = service.session.run_on(ask.statement.clone(), terms).await?;
        if let Some(schema) = outlet.schema.take() {
            // Where nobody waits any more, sending the first batch fails, too.
            let _ = schema.send(stream.schema());
        }
        let mut sent = 0;
        let passed = self.pass_on(&mut stream, &outlet.batches, &mut sent).await;
        // What the engine held is free for others while the last rows are taken.
        drop((stream, place));
        let mut taken = self.taken.subscribe();
        tokio::select! {
            biased;
            // The sender is our own. Counted, and not only out of the queue: the audit log says how many.
            _ = taken.wait_for(|taken| *taken >= sent) => passed,
            () = outlet.batches.closed() => Err(ServeError::Cancelled),
        }
    }

    /// Passes on rows, as many as the role may have.
    async fn pass_on(
        &self,
        stream: &mut SendableRecordBatchStream,
        batches: &mpsc::Sender<RecordBatch>,
        rows_sent: &mut u64,
    ) -> Result<(), ServeError> {
        let limit = self.service.limits(self.caller.role()).rows;
        let mut left = limit;
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            let rows = batch.num_rows() as u64;
            let fits = usize::try_from(rows.min(left)).unwrap_or(usize::MAX);
            let sent = batches.send(batch.slice(0, fits)).await;
            sent.map_err(|_| ServeError::Cancelled)?;
            *rows_sent += fits as u64;
            left = left.checked_sub(rows).ok_or(ServeError::TooManyRows { limit })?;
        }
        Ok(())
    }

    fn timeout(&self) -> std::time::Duration {
        let of_role = self.service.limits(self.caller.role()).timeout;
        self.ask.timeout.map_or(of_role, |wanted| wanted.min(of_role))
    }

    fn entry(&self) -> Entry {
        let mut entry = self.caller.entry(&self.ask.purpose, &self.ask.text);
        entry.parameters = match &self.ask.parameters {
            Some(ParamValues::List(values)) => {
                values.iter().map(|value| shortened(value.value().to_string())).collect()
            }
            Some(ParamValues::Map(values)) => {
                let named = values.iter().map(|(name, value)| format!("{name}={}", value.value()));
                named.map(shortened).collect()
            }
            None => vec![],
        };
        entry
    }
}

/// What the audit log says of a statement that ended with `error`.
pub(super) fn outcome(error: &ServeError) -> Outcome {
    match error.class() {
        Class::Stopped | Class::ShuttingDown => Outcome::Cancelled,
        Class::TimedOut => Outcome::TimedOut,
        Class::ReadOnly | Class::NotAllowed | Class::TooMany => Outcome::Refused,
        _ => Outcome::Failed,
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_PARAMETER_LETTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
