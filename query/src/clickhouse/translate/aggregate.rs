//! Groups, and what is computed of them.
//!
//! Whole numbers and decimals are summed alike on both sides: a sum that does not fit wraps around.
//! Floating-point numbers are summed in no particular order on either.

use datafusion::common::stats::Precision;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate, Expr};

use super::expression::Scope;
use super::kind::Kind;
use super::select::{Context, Select, Term};

/// Groups of `input`, one row each.
pub(super) fn aggregate(node: &Aggregate, input: Select, context: &Context) -> Option<Select> {
    let mut select = if input.is_closed() { input.nested(context) } else { input };
    let scope = Scope::new(node.input.schema(), &select.columns, context);
    let keys = node.group_expr.iter().map(|key| scope.term(key).filter(|key| key.kind.has_order()));
    let keys = keys.collect::<Option<Vec<_>>>()?;
    // A group has a row at least, so what is never null there gives a value.
    let is_grouped = !keys.is_empty();
    let values = node.aggr_expr.iter().map(|value| call(value, is_grouped, &scope));
    let values = values.collect::<Option<Vec<_>>>()?;
    select.rows = match keys.is_empty() {
        true => Precision::Exact(1),
        false => select.rows.to_inexact(),
    };
    select.groups = Some(keys.iter().map(|key| key.sql.clone()).collect());
    select.columns = [keys, values].concat();
    Some(select)
}

fn call(expr: &Expr, is_grouped: bool, scope: &Scope<'_>) -> Option<Term> {
    let expr = match expr {
        Expr::Alias(alias) => &alias.expr,
        other => other,
    };
    let Expr::AggregateFunction(AggregateFunction { func, params }) = expr else { return None };
    if !params.order_by.is_empty() || params.null_treatment.is_some() {
        return None;
    }
    let filter = match &params.filter {
        Some(filter) => format!(" FILTER (WHERE {})", scope.condition(filter)?),
        None => String::new(),
    };
    let [arg] = params.args.as_slice() else { return None };
    // Every row counts, whatever the constant is.
    let counts_rows = matches!(arg, Expr::Literal(value, _) if !value.is_null());
    if func.name() == "count" && counts_rows && !params.distinct {
        return Some(Term::new(format!("toInt64(count(){filter})"), Kind::Int64));
    }
    let gives_value = is_grouped && params.filter.is_none() && !scope.is_nullable(arg)?;
    let arg = scope.term(arg)?;
    let of = |name: &str| format!("{name}({}){filter}", arg.sql);
    let or_null =
        |name: &str| of(&if gives_value { name.to_owned() } else { format!("{name}OrNull") });
    let is_number = matches!(arg.kind, Kind::Int64 | Kind::Decimal(_) | Kind::WideDecimal(_));
    match (func.name(), params.distinct) {
        ("count", false) if arg.kind != Kind::List => {
            Some(Term::new(format!("toInt64({})", of("count")), Kind::Int64))
        }
        ("count", true) if arg.kind.has_order() => {
            Some(Term::new(format!("toInt64({})", of("uniqExact")), Kind::Int64))
        }
        ("sum", false) if is_number || arg.kind == Kind::Float64 => {
            Some(Term::new(or_null("sum"), arg.kind))
        }
        ("avg", false) if arg.kind == Kind::Float64 => Some(Term::new(or_null("avg"), arg.kind)),
        ("min", _) if arg.kind.has_order() => Some(Term::new(or_null("min"), arg.kind)),
        ("max", _) if arg.kind.has_order() => Some(Term::new(or_null("max"), arg.kind)),
        _ => None,
    }
}
