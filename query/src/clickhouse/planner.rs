//! Which parts of a statement are sent, and which are carried out here.
//!
//! It comes after the engine's rules: the largest subtrees of the plan that translate become one
//! request each. A subtree whose order matters above it is sorted here once more if only its first
//! rows are wanted, and only here if all are.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Extension, Filter, LogicalPlan, Sort, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use super::remote::Remote;
use super::scan::ServerScan;
use super::translate::plan::{filter, translate};
use super::translate::select::{Names, Select};

/// Plans statements over a server.
#[derive(Debug)]
pub(crate) struct ServerPlanner;

#[async_trait]
impl QueryPlanner for ServerPlanner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = divided(plan.clone(), &Names::default())?;
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(Scans)]);
        planner.create_physical_plan(&plan, session).await
    }
}

/// Plans what is sent.
struct Scans;

#[async_trait]
impl ExtensionPlanner for Scans {
    async fn plan_extension(
        &self,
        _: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        _: &[Arc<dyn ExecutionPlan>],
        _: &dyn Session,
        _: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let remote = node.as_any().downcast_ref::<Remote>();
        Ok(remote.map(|remote| Arc::new(ServerScan::new(Arc::clone(&remote.request))) as _))
    }
}

/// Where a subtree is carried out.
enum Part {
    There(LogicalPlan, Select),
    Here(LogicalPlan),
}

/// `plan`, with a request in the place of each subtree that is sent.
fn divided(plan: LogicalPlan, names: &Names) -> Result<LogicalPlan> {
    match plan {
        // What is explained is planned as if it were run.
        LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) => {
            Ok(plan.map_children(|child| divided(child, names).map(Transformed::yes))?.data)
        }
        plan => match part(plan, names)? {
            Part::There(plan, select) => Ok(remote(&plan, &select, names)),
            Part::Here(plan) => Ok(plan),
        },
    }
}

fn part(plan: LogicalPlan, names: &Names) -> Result<Part> {
    let children: Vec<_> = plan.inputs().into_iter().cloned().collect();
    let children =
        children.into_iter().map(|child| part(child, names)).collect::<Result<Vec<_>>>()?;
    let selects = children.iter().map(|child| match child {
        Part::There(_, select) => Some(select.clone()),
        Part::Here(_) => None,
    });
    if let Some(selects) = selects.collect::<Option<Vec<_>>>()
        && let Some(select) = translate(&plan, selects, names)
    {
        return Ok(Part::There(plan, select));
    }
    if let (LogicalPlan::Filter(node), [Part::There(input, select)]) = (&plan, children.as_slice())
    {
        return Ok(Part::Here(partly_filtered(node, input, select, names)?));
    }
    let mut inputs = Vec::new();
    for child in children {
        inputs.push(match child {
            Part::There(plan, select) => in_order(plan, select, names)?,
            Part::Here(plan) => plan,
        });
    }
    let mut inputs = inputs.into_iter();
    let plan = plan.map_children(|_| {
        Ok(Transformed::yes(inputs.next().expect("there are as many as before")))
    })?;
    let plan = plan.data.map_subqueries(|subquery| divided(subquery, names).map(Transformed::yes));
    Ok(Part::Here(plan?.data))
}

/// `plan` as a request.
fn remote(plan: &LogicalPlan, select: &Select, names: &Names) -> LogicalPlan {
    let schema = Arc::clone(plan.schema());
    let request = Arc::new(select.request(Arc::clone(schema.inner()), names));
    LogicalPlan::Extension(Extension { node: Arc::new(Remote { request, schema }) })
}

/// `plan` as a request below a node that is carried out here: the engine does not know the order of
/// what comes, and may mix it.
fn in_order(plan: LogicalPlan, select: Select, names: &Names) -> Result<LogicalPlan> {
    if !select.is_ordered() {
        return Ok(remote(&plan, &select, names));
    }
    match plan {
        LogicalPlan::Sort(node) => {
            let input = match node.fetch {
                Some(_) => remote(&LogicalPlan::Sort(node.clone()), &select, names),
                None => divided(node.input.as_ref().clone(), names)?,
            };
            Ok(LogicalPlan::Sort(Sort { input: Arc::new(input), ..node }))
        }
        plan => {
            let plan = plan.map_children(|child| match part(child, names)? {
                Part::There(plan, select) => in_order(plan, select, names).map(Transformed::yes),
                Part::Here(plan) => Ok(Transformed::yes(plan)),
            })?;
            Ok(plan.data)
        }
    }
}

/// A filter of which only some conditions translate.
fn partly_filtered(
    node: &Filter,
    input: &LogicalPlan,
    select: &Select,
    names: &Names,
) -> Result<LogicalPlan> {
    let (sent, rest) = filter(node, select.clone(), names);
    let input = match select.is_ordered() {
        true => in_order(input.clone(), select.clone(), names)?,
        false => remote(input, &sent, names),
    };
    let Some(predicate) = conjunction(rest) else { return Ok(input) };
    let filter = Filter::try_new(predicate, Arc::new(input))?;
    let filter = LogicalPlan::Filter(filter);
    Ok(filter.map_subqueries(|query| divided(query, names).map(Transformed::yes))?.data)
}
