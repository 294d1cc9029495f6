//! Nodes of a plan that have one input or none.

use datafusion::catalog::default_table_source::source_as_provider;
use datafusion::common::stats::Precision;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    Expr, FetchType, Filter, Limit, LogicalPlan, Projection, SkipType, Sort, TableScan,
};

use super::super::table::ServedTable;
use super::aggregate::aggregate;
use super::combine::{join, union};
use super::expression::Scope;
use super::select::{Context, Select};

/// `plan`, whose inputs are `inputs`; `None` if that is not known to be the same in ClickHouse.
pub(in super::super) fn translate(
    plan: &LogicalPlan,
    mut inputs: Vec<Select>,
    context: &Context,
) -> Option<Select> {
    let select = match plan {
        LogicalPlan::TableScan(scan) => table_scan(scan, context)?,
        LogicalPlan::Join(node) => {
            let right = inputs.pop()?;
            join(node, inputs.pop()?, right, context)?
        }
        LogicalPlan::Union(_) => union(inputs, context)?,
        LogicalPlan::SubqueryAlias(_) => inputs.pop()?,
        LogicalPlan::Projection(node) => projection(node, inputs.pop()?, context)?,
        // The order of what is filtered would be lost.
        LogicalPlan::Filter(_) if inputs.iter().any(Select::is_ordered) => return None,
        LogicalPlan::Filter(node) => match filter(node, inputs.pop()?, context) {
            (select, rest) if rest.is_empty() => select,
            _ => return None,
        },
        LogicalPlan::Aggregate(node) => aggregate(node, inputs.pop()?, context)?,
        LogicalPlan::Sort(node) => sort(node, inputs.pop()?, context)?,
        LogicalPlan::Limit(node) => limit(node, inputs.pop()?, context)?,
        _ => return None,
    };
    let fields = plan.schema().fields();
    let is_same = select.columns.len() == fields.len()
        && select
            .columns
            .iter()
            .zip(fields)
            .all(|(term, field)| term.kind.is_of(field.data_type()));
    (is_same && select.is_short()).then_some(select)
}

/// All of `plan`.
pub(super) fn whole(plan: &LogicalPlan, context: &Context) -> Option<Select> {
    let inputs = plan.inputs().into_iter().map(|input| whole(input, context));
    translate(plan, inputs.collect::<Option<_>>()?, context)
}

fn table_scan(scan: &TableScan, context: &Context) -> Option<Select> {
    let provider = source_as_provider(&scan.source).ok()?;
    let table = provider.downcast_ref::<ServedTable>()?;
    // The table takes no filters, so they stand in nodes of their own.
    if !scan.filters.is_empty() {
        return None;
    }
    let mut select = Select::table(table, scan.projection.as_deref(), context);
    cut(&mut select, 0, scan.fetch);
    Some(select)
}

fn projection(node: &Projection, input: Select, context: &Context) -> Option<Select> {
    // One row for all rows: without an aggregate there would be one for each.
    let is_one_row = input.groups.as_ref().is_some_and(Vec::is_empty);
    let is_constant = node.expr.iter().all(|expr| expr.column_refs().is_empty());
    let mut select = if is_one_row && is_constant { input.nested(context) } else { input };
    let scope = Scope::new(node.input.schema(), &select.columns, context);
    let columns = node.expr.iter().map(|expr| scope.output(expr)).collect::<Option<_>>()?;
    select.columns = columns;
    Some(select)
}

/// `input` with those conditions of `node` that are translated, and the others.
pub(in super::super) fn filter(
    node: &Filter,
    input: Select,
    context: &Context,
) -> (Select, Vec<Expr>) {
    let mut select = if input.is_closed() { input.nested(context) } else { input };
    let scope = Scope::new(node.input.schema(), &select.columns, context);
    let (mut conditions, mut rest) = (Vec::new(), Vec::new());
    for condition in split_conjunction(&node.predicate) {
        match scope.condition(condition) {
            Some(sql) => conditions.push(sql),
            None => rest.push(condition.clone()),
        }
    }
    select.conditions.extend(conditions);
    (select, rest)
}

fn sort(node: &Sort, input: Select, context: &Context) -> Option<Select> {
    let mut select =
        if input.is_cut() || input.is_ordered() { input.nested(context) } else { input };
    let scope = Scope::new(node.input.schema(), &select.columns, context);
    let keys = node.expr.iter().map(|key| {
        let term = scope.term(&key.expr).filter(|term| term.kind.has_order())?;
        let direction = if key.asc { "ASC" } else { "DESC" };
        let nulls = if key.nulls_first { "FIRST" } else { "LAST" };
        Some(format!("{} {direction} NULLS {nulls}", term.sql))
    });
    select.order = keys.collect::<Option<_>>()?;
    cut(&mut select, 0, node.fetch);
    Some(select)
}

fn limit(node: &Limit, input: Select, context: &Context) -> Option<Select> {
    let (Ok(SkipType::Literal(skip)), Ok(FetchType::Literal(fetch))) =
        (node.get_skip_type(), node.get_fetch_type())
    else {
        return None;
    };
    // What a sort was told to keep is for this very limit.
    let keeps = |kept| fetch.is_some_and(|fetch| fetch + skip <= kept);
    let mut select = match input.fetch {
        None if input.skip == 0 => input,
        Some(kept) if input.skip == 0 && keeps(kept) => input,
        _ if input.is_ordered() => return None,
        _ => input.nested(context),
    };
    cut(&mut select, skip, fetch);
    Some(select)
}

/// Leaves out the first `skip` rows and those after the next `fetch`.
fn cut(select: &mut Select, skip: usize, fetch: Option<usize>) {
    if skip == 0 && fetch.is_none() {
        return;
    }
    select.skip = skip;
    select.fetch = fetch;
    select.rows = match (select.rows, fetch) {
        (Precision::Exact(rows) | Precision::Inexact(rows), fetch) => {
            let left = rows.saturating_sub(skip);
            Precision::Inexact(fetch.map_or(left, |fetch| fetch.min(left)))
        }
        (Precision::Absent, Some(fetch)) => Precision::Inexact(fetch),
        (Precision::Absent, None) => Precision::Absent,
    };
}
