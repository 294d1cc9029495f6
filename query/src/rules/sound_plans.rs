//! The engine's last check of a plan, for all that can be sorted by.
//!
//! Whether rows are in an order is told from how its expressions follow from those that they are sorted by. The engine
//! (DataFusion 55) cannot tell it of expressions whose values may be outside of a function's domain, or in a range that
//! it does not know, such as `ln(x)` or `round(x) / 2 > 1`: not even if rows are sorted by these very expressions. Its own check
//! then refuses plans that are sound, as of `order by ln(x) limit 10` over more than one file. Here rows that were sorted by an
//! expression are sorted by it.

use std::sync::Arc;

use datafusion::common::config::{ConfigOptions, OptimizerOptions};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, plan_err};
use datafusion::physical_expr::LexRequirement;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::sanity_checker::check_finiteness_requirements;
use datafusion::physical_plan::execution_plan::InvariantLevel;
use datafusion::physical_plan::{ChildSatisfactionOptions, ExecutionPlan, ExecutionPlanProperties};

/// The rule.
#[derive(Debug)]
pub(crate) struct SoundPlans;

impl SoundPlans {
    /// Name of the engine's rule of which it takes the place.
    pub(crate) const INSTEAD_OF: &str = "SanityCheckPlan";
}

impl PhysicalOptimizerRule for SoundPlans {
    fn name(&self) -> &str {
        "sound_plans"
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.apply(|node| {
            check(node, &config.optimizer)?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(plan)
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Checks that the inputs of `node` are as it needs them.
fn check(node: &Arc<dyn ExecutionPlan>, options: &OptimizerOptions) -> Result<()> {
    check_finiteness_requirements(node.as_ref(), options)?;
    let distributions = node.input_distribution_requirements();
    let subsets = ChildSatisfactionOptions::new().with_allow_subset(true);
    let orders = node.required_input_ordering();
    for (place, (input, order)) in node.children().into_iter().zip(orders).enumerate() {
        if let Some(order) = order
            && !is_sorted(input.as_ref(), &order.into_single())?
        {
            return plan_err!("the input {place} of {} is not in its order", node.name());
        }
        if !distributions.child_satisfaction(place, input.as_ref(), subsets)?.is_satisfied() {
            return plan_err!("the input {place} of {} is not distributed for it", node.name());
        }
    }
    node.check_invariants(InvariantLevel::Executable)
}

/// Whether the rows of `input` are in the order that is `required`.
fn is_sorted(input: &dyn ExecutionPlan, required: &LexRequirement) -> Result<bool> {
    let is_literally = input.output_ordering().is_some_and(|sorted| {
        required.len() <= sorted.len()
            && required.iter().zip(sorted.iter()).all(|(required, sorted)| {
                let has_options = |options| options == sorted.options;
                required.expr.eq(&sorted.expr) && required.options.is_none_or(has_options)
            })
    });
    Ok(is_literally
        || input.equivalence_properties().ordering_satisfy_requirement(required.clone())?)
}

#[cfg(test)]
mod tests {
    use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
    use datafusion::prelude::SessionContext;

    use super::*;

    #[tokio::test]
    async fn only_what_is_sorted_may_be_merged() {
        let context = SessionContext::new();
        let sql = "select x from (values (1.0), (-2.0)) as t(x) order by ln(x)";
        let plan = context.sql(sql).await.expect("a statement");
        let sorted = plan.create_physical_plan().await.expect("a plan");
        let mut order = None;
        sorted
            .apply(|node| {
                order = order.take().or(node.output_ordering().cloned());
                Ok(TreeNodeRecursion::Continue)
            })
            .expect("visited");
        let order = order.expect("an order");
        let check = |input: &Arc<dyn ExecutionPlan>| {
            let merge = SortPreservingMergeExec::new(order.clone(), Arc::clone(input));
            SoundPlans.optimize(Arc::new(merge), &ConfigOptions::new())
        };
        check(&sorted).expect("sorted by this very expression");
        let unsorted = sorted.children().into_iter().next().expect("what is sorted");
        assert!(unsorted.output_ordering().is_none());
        let error = check(unsorted).expect_err("not sorted").to_string();
        assert!(error.contains("is not in its order"), "{error}");
    }
}
