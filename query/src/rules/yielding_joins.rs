//! Lets what multiplies rows be stopped.
//!
//! The engine's operators run until they have to wait, and give way to others at the leaves of a plan. An
//! aggregate over a join of a million rows with a million waits for its leaves so seldom that a statement
//! could neither be cancelled nor reach the end of its time for hours.
//!
//! # Invariants
//!
//! * Rows stay as they are: what is put above an operator passes its batches on.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;

/// Operators that can make many batches of one.
const MULTIPLYING: [&str; 6] = [
    "CrossJoinExec",
    "HashJoinExec",
    "NestedLoopJoinExec",
    "PiecewiseMergeJoinExec",
    "SortMergeJoinExec",
    "UnnestExec",
];

/// The rule.
#[derive(Debug)]
pub(crate) struct YieldingJoins;

impl PhysicalOptimizerRule for YieldingJoins {
    fn name(&self) -> &str {
        "yielding_joins"
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            Ok(if MULTIPLYING.contains(&plan.name()) {
                Transformed::yes(Arc::new(CooperativeExec::new(plan)) as _)
            } else {
                Transformed::no(plan)
            })
        })
        .data()
    }

    fn schema_check(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use datafusion::execution::SessionStateBuilder;
    use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
    use datafusion::prelude::SessionContext;

    use super::*;

    #[tokio::test]
    async fn a_sum_over_a_huge_join_gives_way() {
        let mut rules = PhysicalOptimizer::new().rules;
        rules.push(Arc::new(YieldingJoins));
        let state = SessionStateBuilder::new_with_default_features()
            .with_physical_optimizer_rules(rules)
            .build();
        let context = SessionContext::new_with_state(state);
        let sql = "select sum(a.value + b.value) \
                   from generate_series(1, 1000000) a, generate_series(1, 1000000) b";
        let sum = context.sql(sql).await.expect("a plan").collect();
        // On one thread the clock is looked at only when the sum gives way.
        let ended = tokio::time::timeout(Duration::from_millis(100), sum).await;
        assert!(ended.is_err(), "it takes hours");
    }
}
