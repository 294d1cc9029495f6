//! Joins whose smaller side does not fit in memory are merged, not hashed.
//!
//! The engine's hash join holds one side in memory and fails when it cannot; its merge join sorts
//! both sides, and sorting spills. Hashing is faster where it fits, so the choice is made by the
//! estimated size of the side that would be held. This is what lets `bitcoin.utxos` of a whole
//! chain run in bounded memory.

use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::Schema;
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

/// What part of the session's memory one join may be expected to hold: the other operators of the
/// statement and other statements need the rest, and estimates err.
const SHARE_OF_MEMORY: usize = 4;
/// Assumed size of a text or byte string: a hash with its offset, or an address.
const VARIABLE_WIDTH_BYTES: usize = 40;
/// What a row costs in the hash table beside its values.
const HASH_ENTRY_BYTES: usize = 16;

/// The rule. It comes after the engine has decided which side of a join is the smaller.
#[derive(Debug)]
pub(crate) struct LargeJoins {
    held_bytes_max: usize,
}

impl LargeJoins {
    /// The rule for a session that may hold `memory_limit_bytes`.
    pub(crate) fn new(memory_limit_bytes: usize) -> LargeJoins {
        LargeJoins { held_bytes_max: memory_limit_bytes / SHARE_OF_MEMORY }
    }

    fn rewrite(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
        let Some(join) = plan.downcast_ref::<HashJoinExec>() else {
            return Ok(Transformed::no(plan));
        };
        // A null-aware join (NOT IN) has no merging counterpart.
        if join.null_aware || join.contains_projection() || !self.is_large(join.left())? {
            return Ok(Transformed::no(plan));
        }
        let on = join.on().to_vec();
        let order = vec![SortOptions::default(); on.len()];
        Ok(Transformed::yes(Arc::new(SortMergeJoinExec::try_new(
            Arc::clone(join.left()),
            Arc::clone(join.right()),
            on,
            join.filter().cloned(),
            *join.join_type(),
            order,
            join.null_equality(),
        )?)))
    }

    fn is_large(&self, held: &Arc<dyn ExecutionPlan>) -> Result<bool> {
        let rows =
            StatisticsContext::new().compute(held.as_ref(), &StatisticsArgs::new())?.num_rows;
        let row_bytes = HASH_ENTRY_BYTES + row_width(&held.schema());
        let bytes = rows.get_value().map(|rows| rows.saturating_mul(row_bytes));
        Ok(bytes.is_some_and(|bytes| bytes > self.held_bytes_max))
    }
}

fn row_width(schema: &Schema) -> usize {
    let widths = schema
        .fields()
        .iter()
        .map(|field| field.data_type().primitive_width().unwrap_or(VARIABLE_WIDTH_BYTES));
    widths.sum()
}

impl PhysicalOptimizerRule for LargeJoins {
    fn name(&self) -> &str {
        "large_joins"
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(plan.transform_up(|plan| self.rewrite(plan))?.data)
    }

    fn schema_check(&self) -> bool {
        true
    }
}
