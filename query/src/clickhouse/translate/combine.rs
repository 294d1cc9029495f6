//! Joins and unions.

use datafusion::common::stats::Precision;
use datafusion::common::{JoinType, NullEquality};
use datafusion::logical_expr::Join;

use super::expression::Scope;
use super::kind::Kind;
use super::select::{Context, Select};

/// A join on equal columns, none of which is null.
pub(super) fn join(node: &Join, left: Select, right: Select, context: &Context) -> Option<Select> {
    let has_nulls = node.null_aware || node.null_equality != NullEquality::NullEqualsNothing;
    if has_nulls || node.on.is_empty() {
        return None;
    }
    // The side whose rows are kept comes first.
    let (words, is_swapped) = match node.join_type {
        JoinType::Inner => ("INNER JOIN", false),
        JoinType::Left => ("LEFT JOIN", false),
        JoinType::LeftSemi => ("LEFT SEMI JOIN", false),
        JoinType::LeftAnti => ("LEFT ANTI JOIN", false),
        JoinType::RightSemi => ("LEFT SEMI JOIN", true),
        JoinType::RightAnti => ("LEFT ANTI JOIN", true),
        JoinType::Right | JoinType::Full | JoinType::LeftMark | JoinType::RightMark => {
            return None;
        }
    };
    let is_left = node.join_type == JoinType::Left;
    // A list cannot be null, and only inner joins can filter what they have joined.
    let may_be_null = |select: &Select| select.columns.iter().all(|term| term.kind != Kind::List);
    if (is_left && !may_be_null(&right))
        || (node.filter.is_some() && node.join_type != JoinType::Inner)
    {
        return None;
    }
    let rows = match node.join_type {
        JoinType::Inner | JoinType::Left => larger(left.rows, right.rows),
        _ if is_swapped => right.rows.to_inexact(),
        _ => left.rows.to_inexact(),
    };
    let joins_nulls = is_left || left.joins_nulls || right.joins_nulls;
    let ((left_text, left), (right_text, right)) = (left.text(context), right.text(context));
    let left_scope = Scope::new(node.left.schema(), &left, context);
    let right_scope = Scope::new(node.right.schema(), &right, context);
    let keys = node.on.iter().map(|(left, right)| {
        let (left, right) = (left_scope.term(left)?, right_scope.term(right)?);
        (left.kind == right.kind && left.kind.has_order())
            .then(|| format!("{} = {}", left.sql, right.sql))
    });
    let keys = keys.collect::<Option<Vec<_>>>()?.join(" AND ");
    let (first, second) =
        if is_swapped { (&right_text, &left_text) } else { (&left_text, &right_text) };
    let (a, b) = (context.name("t"), context.name("t"));
    let from = format!("({first}) AS {a} {words} ({second}) AS {b} ON {keys}");
    let columns = match node.join_type {
        JoinType::Inner | JoinType::Left => [left, right].concat(),
        _ if is_swapped => right,
        _ => left,
    };
    let mut select = Select { columns, joins_nulls, rows, ..Select::of(from) };
    if let Some(filter) = &node.filter {
        select
            .conditions
            .push(Scope::new(&node.schema, &select.columns, context).condition(filter)?);
    }
    Some(select)
}

/// An estimate of the rows of a join: as many as the larger side has.
fn larger(left: Precision<usize>, right: Precision<usize>) -> Precision<usize> {
    left.max(&right).to_inexact()
}

/// The rows of all `inputs`.
pub(super) fn union(inputs: Vec<Select>, context: &Context) -> Option<Select> {
    let mut rows = Precision::Exact(0);
    let (mut texts, mut columns) = (Vec::new(), None);
    let mut joins_nulls = false;
    for input in inputs {
        let (text, terms) = input.text(context);
        texts.push(if input.is_closed() { format!("({text})") } else { text });
        let first = columns.get_or_insert_with(|| terms.clone());
        let is_same = first.iter().zip(&terms).all(|(first, term)| {
            first.kind == term.kind && first.given.is_some() == term.given.is_some()
        });
        if !is_same {
            return None;
        }
        rows = rows.add(&input.rows);
        joins_nulls |= input.joins_nulls;
    }
    let from = format!("({})", texts.join(" UNION ALL "));
    Some(Select { columns: columns?, joins_nulls, rows, ..Select::of(from) })
}
