//! Which segments a filter needs.
//!
//! Every condition on `height` that compares it with constants counts, alone or joined by AND, OR
//! and NOT: =, <>, <, <=, >, >=, BETWEEN, IN. In `inputs`, conditions on `spent_height` count as
//! far as they ask for outputs that are newer than a whole segment. All other conditions are left
//! to the statistics inside the files.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, UInt64Array};
use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;

use super::Segment;

/// The longest IN list that is used; a longer one reads every segment.
const MAX_IN_LIST: usize = 10_000;

/// Those of `segments` in which a row can meet all `filters`, in the same order.
pub(super) fn needed_segments(
    segments: &[Arc<Segment>],
    schema: &SchemaRef,
    filters: &[Expr],
    state: &dyn Session,
) -> Result<Vec<Arc<Segment>>> {
    let Some(filter) = conjunction(filters.iter().cloned()) else {
        return Ok(segments.to_vec());
    };
    let predicate = state.create_physical_expr(filter, &DFSchema::try_from(Arc::clone(schema))?)?;
    let predicate = PruningPredicateBuilder::new()
        .with_file_schema(Arc::clone(schema))
        .with_max_in_list_size(MAX_IN_LIST)
        .build(predicate);
    // None: nothing in the filter speaks of a column's bounds.
    let Some(predicate) = predicate else { return Ok(segments.to_vec()) };
    let needed = predicate.prune(&Bounds(segments))?;
    let kept = segments.iter().zip(needed).filter(|(_, needed)| *needed);
    Ok(kept.map(|(segment, _)| Arc::clone(segment)).collect())
}

/// Bounds of the columns that a segment's heights bound.
struct Bounds<'a>(&'a [Arc<Segment>]);

impl Bounds<'_> {
    fn heights(&self, height: impl Fn(&Segment) -> u64) -> Option<ArrayRef> {
        let values = self.0.iter().map(|segment| height(segment) as i64);
        Some(Arc::new(Int64Array::from_iter_values(values)))
    }
}

impl PruningStatistics for Bounds<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        match column.name() {
            "height" => self.heights(|segment| segment.heights.start),
            "spent_height" => self.heights(|_| 0),
            _ => None,
        }
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        match column.name() {
            // An output is spent in its own block at the earliest.
            "height" | "spent_height" => self.heights(|segment| segment.heights.end - 1),
            _ => None,
        }
    }

    fn num_containers(&self) -> usize {
        self.0.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        match column.name() {
            "height" | "spent_height" => Some(Arc::new(UInt64Array::from_value(0, self.0.len()))),
            _ => None,
        }
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        None
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
