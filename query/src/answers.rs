//! Answers that were given, for those who ask the same of the same blocks: the readers of a dashboard.
//!
//! # Invariants
//!
//! * An answer is of one snapshot. As soon as another one is asked, all of those before are forgotten.
//! * Only statements are answered so whose rows follow from the snapshot: none that asks for the time, a random
//!   number, or what is not in it. No view does.
//! * What one may read is part of the question: nobody is answered what somebody else may read.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use assay_model::{Chain, derived, reference};
use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream};
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{Stream, StreamExt, stream};

use crate::catalog::snapshot::Snapshot;
use crate::statement::Statement;
use crate::{Access, Terms, functions};

/// What part of the room one answer may take, at most.
const LARGEST_SHARE: usize = 16;

/// Answers to questions about one snapshot.
#[derive(Debug)]
pub(crate) struct Answers {
    limit_bytes: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    of: Option<Arc<Snapshot>>,
    answers: HashMap<Question, Answer>,
    bytes: usize,
    /// Counts uses.
    clock: u64,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    statement: String,
    parameters: String,
    access: Access,
}

#[derive(Debug)]
struct Answer {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    bytes: usize,
    last_used: u64,
}

impl Question {
    fn new(statement: &Statement, terms: &Terms) -> Question {
        Question {
            statement: statement.to_string(),
            parameters: format!("{:?}", terms.parameters),
            access: terms.access,
        }
    }
}

impl Answers {
    /// With room for so many bytes; without any, nothing is kept.
    pub(crate) fn new(limit_bytes: usize) -> Answers {
        Answers { limit_bytes, kept: Mutex::default() }
    }

    /// What is asked, by which an answer is found again; `None` if none are kept.
    pub(crate) fn question(&self, statement: &Statement, terms: &Terms) -> Option<Question> {
        (self.limit_bytes > 0).then(|| Question::new(statement, terms))
    }

    /// The answer to `question` about `snapshot`, if it was given before.
    pub(crate) fn find(
        &self,
        snapshot: &Arc<Snapshot>,
        question: &Question,
    ) -> Option<SendableRecordBatchStream> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = kept.of.as_ref().is_some_and(|of| of.is_as(snapshot));
        if !is_same {
            // Whoever asks next is to find what is told of this one.
            *kept = Kept { of: Some(Arc::clone(snapshot)), ..Kept::default() };
            return None;
        }
        kept.clock += 1;
        let clock = kept.clock;
        let answer = kept.answers.get_mut(question)?;
        answer.last_used = clock;
        let batches = stream::iter(answer.batches.clone()).map(Ok);
        Some(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&answer.schema), batches)))
    }

    /// `rows`, which are kept as the answer to `question` about `snapshot` when the last one is taken, unless
    /// they are too many.
    pub(crate) fn record(
        self: &Arc<Self>,
        snapshot: Arc<Snapshot>,
        question: Question,
        rows: SendableRecordBatchStream,
    ) -> SendableRecordBatchStream {
        Box::pin(Recorded {
            rows,
            batches: Vec::new(),
            bytes: 0,
            goes_to: Some((Arc::clone(self), snapshot, question)),
        })
    }

    fn keep(&self, snapshot: &Snapshot, question: Question, answer: Answer) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.of.as_ref().is_none_or(|of| !of.is_as(snapshot)) {
            return;
        }
        kept.clock += 1;
        kept.bytes += answer.bytes;
        let answer = Answer { last_used: kept.clock, ..answer };
        if let Some(before) = kept.answers.insert(question, answer) {
            kept.bytes -= before.bytes;
        }
        while kept.bytes > self.limit_bytes {
            let oldest = kept.answers.iter().min_by_key(|(_, answer)| answer.last_used);
            let Some(oldest) = oldest.map(|(question, _)| question.clone()) else { break };
            let forgotten = kept.answers.remove(&oldest).map_or(0, |answer| answer.bytes);
            kept.bytes -= forgotten;
        }
    }
}

/// Rows on their way to who asked.
struct Recorded {
    rows: SendableRecordBatchStream,
    batches: Vec<RecordBatch>,
    bytes: usize,
    /// `None` once it is known that they are not kept.
    goes_to: Option<(Arc<Answers>, Arc<Snapshot>, Question)>,
}

impl Stream for Recorded {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.rows.poll_next_unpin(context);
        match &next {
            Poll::Ready(Some(Ok(batch))) => self.note(batch),
            Poll::Ready(Some(Err(_))) => self.goes_to = None,
            Poll::Ready(None) => self.finish(),
            Poll::Pending => {}
        }
        next
    }
}

impl RecordBatchStream for Recorded {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }
}

impl Recorded {
    fn note(&mut self, batch: &RecordBatch) {
        let Some((answers, ..)) = &self.goes_to else { return };
        self.bytes += batch.get_array_memory_size();
        if self.bytes > answers.limit_bytes / LARGEST_SHARE {
            self.goes_to = None;
            self.batches = Vec::new();
        } else {
            self.batches.push(batch.clone());
        }
    }

    fn finish(&mut self) {
        let Some((answers, snapshot, question)) = self.goes_to.take() else { return };
        let batches = std::mem::take(&mut self.batches);
        let schema = self.rows.schema();
        let answer = Answer { schema, batches, bytes: self.bytes, last_used: 0 };
        answers.keep(&snapshot, question, answer);
    }
}

/// Whether the rows of `plan` follow from the snapshot alone.
pub(crate) fn follows_from_snapshot(plan: &LogicalPlan) -> Result<bool> {
    let mut follows = true;
    plan.apply_with_subqueries(|node| {
        follows &= match node {
            LogicalPlan::TableScan(scan) => scan.table_name.schema().is_some_and(is_of_snapshot),
            // What EXPLAIN ANALYZE tells is how long something took.
            LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) => false,
            _ => true,
        };
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::ScalarFunction(call) = expr {
                    let volatility = call.func.signature().volatility;
                    follows &= volatility == Volatility::Immutable
                        || functions::answers_from_snapshot(call.name());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(follows)
}

/// Whether the tables of a schema are the same in the same snapshot.
fn is_of_snapshot(schema: &str) -> bool {
    [derived::SCHEMA, reference::SCHEMA].contains(&schema)
        || Chain::ALL.iter().any(|chain| chain.name() == schema)
}
