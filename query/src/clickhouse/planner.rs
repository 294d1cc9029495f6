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
use datafusion::logical_expr::{
    Expr, Extension, Filter, LogicalPlan, Projection, Sort, SortExpr, UserDefinedLogicalNode,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use super::remote::Remote;
use super::scan::ServerScan;
use super::translate::plan::{filter, translate};
use super::translate::select::{Context, Select};

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
        let plan = divided(plan.clone(), &Context::default())?;
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
    /// A projection here, of what is there.
    Projected(Projection, Select),
    Here(LogicalPlan),
}

/// `plan`, with a request in the place of each subtree that is sent.
fn divided(plan: LogicalPlan, context: &Context) -> Result<LogicalPlan> {
    match plan {
        // What is explained is planned as if it were run.
        LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) => {
            Ok(plan.map_children(|child| divided(child, context).map(Transformed::yes))?.data)
        }
        plan => match part(plan, context)? {
            Part::There(plan, select) => Ok(remote(&plan, &select, context)),
            other => here(other, context),
        },
    }
}

fn part(plan: LogicalPlan, context: &Context) -> Result<Part> {
    let children: Vec<_> = plan.inputs().into_iter().cloned().collect();
    let mut children =
        children.into_iter().map(|child| part(child, context)).collect::<Result<Vec<_>>>()?;
    let selects = children.iter().map(|child| match child {
        Part::There(_, select) => Some(select.clone()),
        Part::Projected(..) | Part::Here(_) => None,
    });
    if let Some(selects) = selects.collect::<Option<Vec<_>>>()
        && let Some(select) = translate(&plan, selects, context)
    {
        return Ok(Part::There(plan, select));
    }
    match (&plan, children.as_mut_slice()) {
        (LogicalPlan::Projection(node), [Part::There(_, select)]) => {
            return Ok(Part::Projected(node.clone(), select.clone()));
        }
        (LogicalPlan::Filter(node), [Part::There(input, select)]) => {
            return Ok(Part::Here(partly_filtered(node, input, select, context)?));
        }
        (LogicalPlan::Sort(node), [Part::Projected(projection, select)]) => {
            if let Some(plan) = first_rows(node, projection, select, context)? {
                return Ok(Part::Here(plan));
            }
        }
        _ => {}
    }
    let inputs = children.into_iter().map(|child| here(child, context));
    let mut inputs = inputs.collect::<Result<Vec<_>>>()?.into_iter();
    let plan = plan.map_children(|_| {
        Ok(Transformed::yes(inputs.next().expect("there are as many as before")))
    })?;
    subqueries_divided(plan.data, context).map(Part::Here)
}

/// `part` below a node that is carried out here, or above all.
fn here(part: Part, context: &Context) -> Result<LogicalPlan> {
    match part {
        Part::There(plan, select) => in_order(plan, select, context),
        Part::Projected(Projection { expr, input, schema, .. }, select) => {
            let input = in_order(input.as_ref().clone(), select, context)?;
            let node = Projection::try_new_with_schema(expr, Arc::new(input), schema)?;
            subqueries_divided(LogicalPlan::Projection(node), context)
        }
        Part::Here(plan) => Ok(plan),
    }
}

/// `plan` with requests in its expressions, too.
fn subqueries_divided(plan: LogicalPlan, context: &Context) -> Result<LogicalPlan> {
    Ok(plan.map_subqueries(|query| divided(query, context).map(Transformed::yes))?.data)
}

/// `plan` as a request.
fn remote(plan: &LogicalPlan, select: &Select, context: &Context) -> LogicalPlan {
    let schema = Arc::clone(plan.schema());
    let request = Arc::new(select.request(Arc::clone(schema.inner()), context));
    LogicalPlan::Extension(Extension { node: Arc::new(Remote { request, schema }) })
}

/// `plan` as a request below a node that is carried out here: the engine does not know the order of
/// what comes, and may mix it.
fn in_order(plan: LogicalPlan, select: Select, context: &Context) -> Result<LogicalPlan> {
    if !select.is_ordered() {
        return Ok(remote(&plan, &select, context));
    }
    match plan {
        LogicalPlan::Sort(node) => {
            let input = match node.fetch {
                Some(_) => remote(&LogicalPlan::Sort(node.clone()), &select, context),
                None => divided(node.input.as_ref().clone(), context)?,
            };
            Ok(LogicalPlan::Sort(Sort { input: Arc::new(input), ..node }))
        }
        plan => {
            let below = |child| here(part(child, context)?, context).map(Transformed::yes);
            Ok(plan.map_children(below)?.data)
        }
    }
}

/// The first rows of a projection that is carried out here: they are chosen there, before it.
fn first_rows(
    node: &Sort,
    projection: &Projection,
    select: &Select,
    context: &Context,
) -> Result<Option<LogicalPlan>> {
    if node.fetch.is_none() {
        return Ok(None);
    }
    let before = |key: &SortExpr| -> Result<SortExpr> {
        let expr = key.expr.clone().transform_up(|expr| match &expr {
            Expr::Column(column) => {
                let place = projection.schema.index_of_column(column)?;
                Ok(Transformed::yes(projection.expr[place].clone().unalias()))
            }
            _ => Ok(Transformed::no(expr)),
        })?;
        Ok(SortExpr { expr: expr.data, ..*key })
    };
    let keys = node.expr.iter().map(before).collect::<Result<_>>()?;
    let first = Sort { expr: keys, input: Arc::clone(&projection.input), fetch: node.fetch };
    let first = LogicalPlan::Sort(first);
    let Some(select) = translate(&first, vec![select.clone()], context) else { return Ok(None) };
    let input = Arc::new(remote(&first, &select, context));
    let (expr, schema) = (projection.expr.clone(), Arc::clone(&projection.schema));
    let projection = Projection::try_new_with_schema(expr, input, schema)?;
    let input = subqueries_divided(LogicalPlan::Projection(projection), context)?;
    Ok(Some(LogicalPlan::Sort(Sort { input: Arc::new(input), ..node.clone() })))
}

/// A filter of which only some conditions translate.
fn partly_filtered(
    node: &Filter,
    input: &LogicalPlan,
    select: &Select,
    context: &Context,
) -> Result<LogicalPlan> {
    let (sent, rest) = filter(node, select.clone(), context);
    let (input, predicate) = match conjunction(rest) {
        // A filter around it would lose the order.
        Some(rest) if sent.is_short() && !select.is_ordered() => {
            (remote(input, &sent, context), rest)
        }
        _ => (in_order(input.clone(), select.clone(), context)?, node.predicate.clone()),
    };
    let filter = Filter::try_new(predicate, Arc::new(input))?;
    subqueries_divided(LogicalPlan::Filter(filter), context)
}
