//! The engine's last check of a plan, which mends what it can.
//!
//! Whether rows are in an order is told from how its expressions follow from those that they are sorted by. The engine
//! (DataFusion 55) cannot tell it of expressions whose values may be outside of a function's domain, or in a range that
//! it does not know, such as `ln(x)` or `round(x) / 2 > 1`, not even if rows are sorted by these very expressions; nor of a
//! column that is the same as another one in some branches of a union only. Its own check then refuses plans that would
//! do, as of `order by ln(x) limit 10` over more than one file. Here rows that were sorted by an expression are sorted by it, and
//! those whose order is not known are sorted once more.

use std::sync::Arc;

use datafusion::common::config::{ConfigOptions, OptimizerOptions};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result, plan_err};
use datafusion::physical_expr::{LexOrdering, LexRequirement};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::sanity_checker::check_finiteness_requirements;
use datafusion::physical_plan::execution_plan::{InvariantLevel, replace_children_if_necessary};
use datafusion::physical_plan::sorts::sort::SortExec;
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
        let sound = |node: Arc<dyn ExecutionPlan>| {
            let sound = with_sorted_inputs(Arc::clone(&node))?;
            check(&sound, &config.optimizer)?;
            let is_changed = !Arc::ptr_eq(&sound, &node);
            Ok(Transformed::new_transformed(sound, is_changed))
        };
        plan.transform_up(sound).data()
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// `node` with inputs that are in the order that it needs.
fn with_sorted_inputs(node: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let mut inputs: Vec<_> = node.children().into_iter().cloned().collect();
    for (input, order) in inputs.iter_mut().zip(node.required_input_ordering()) {
        let Some(order) = order.map(|order| order.into_single()) else { continue };
        if !is_sorted(input.as_ref(), &order)? {
            let sorted = SortExec::new(LexOrdering::from(order), Arc::clone(input));
            *input = Arc::new(sorted.with_preserve_partitioning(true));
        }
    }
    replace_children_if_necessary(node, inputs)
}

/// Whether the rows of `input` are known to be in the order that is `required`.
fn is_sorted(input: &dyn ExecutionPlan, required: &LexRequirement) -> Result<bool> {
    let is_literally = input.output_ordering().is_some_and(|sorted| {
        required.len() <= sorted.len()
            && required.iter().zip(sorted.iter()).all(|(required, sorted)| {
                let has_options = |options| options == sorted.options;
                required.expr.eq(&sorted.expr) && required.options.is_none_or(has_options)
            })
    });
    let known = input.equivalence_properties();
    Ok(is_literally || known.ordering_satisfy_requirement(required.clone())?)
}

/// Checks all else that the engine does: that `node` ends, and has its inputs distributed as it needs them.
fn check(node: &Arc<dyn ExecutionPlan>, options: &OptimizerOptions) -> Result<()> {
    check_finiteness_requirements(node.as_ref(), options)?;
    let distributions = node.input_distribution_requirements();
    let subsets = ChildSatisfactionOptions::new().with_allow_subset(true);
    for (place, input) in node.children().into_iter().enumerate() {
        if !distributions.child_satisfaction(place, input.as_ref(), subsets)?.is_satisfied() {
            return plan_err!("the input {place} of {} is not distributed for it", node.name());
        }
    }
    node.check_invariants(InvariantLevel::Executable)
}

#[cfg(test)]
mod tests {
    use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
    use datafusion::prelude::SessionContext;

    use super::*;

    #[tokio::test]
    async fn what_is_not_sorted_is_sorted_and_nothing_twice() {
        let context = SessionContext::new();
        let sql = "select x from (values (1.0), (2.0)) as t(x) order by ln(x)";
        let plan = context.sql(sql).await.expect("a statement");
        let sorted = plan.create_physical_plan().await.expect("a plan");
        assert_eq!(sorted.name(), "SortExec");
        let order = sorted.output_ordering().expect("an order");
        let merged = |input: &Arc<dyn ExecutionPlan>| {
            let merge = SortPreservingMergeExec::new(order.clone(), Arc::clone(input));
            let plan = SoundPlans.optimize(Arc::new(merge), &ConfigOptions::new()).expect("sound");
            Arc::clone(plan.children()[0])
        };
        assert!(Arc::ptr_eq(&merged(&sorted), &sorted));
        let unsorted = sorted.children()[0];
        let mended = merged(unsorted);
        assert_eq!(mended.name(), "SortExec");
        assert!(Arc::ptr_eq(mended.children()[0], unsorted));
    }
}
