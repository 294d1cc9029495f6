//! Rewrites of what clients ask about PostgreSQL's own catalog, after those of `datafusion-pg-catalog`.
//!
//! They fit what is in the catalog here, and would be wrong of other tables: rights are not listed, and
//! scalar subqueries look one thing up by its number.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArguments, Query, SelectItem, SetExpr, Statement, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

/// A list of which nothing is known.
const NO_LIST: &str = "string_to_array(NULL, ',')";

/// Rewrites `statement`, which asks about the catalog.
pub(super) fn rewrite(mut statement: Statement) -> Statement {
    let _ = statement.visit(&mut OfCatalog);
    statement
}

struct OfCatalog;

impl VisitorMut for OfCatalog {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            // The engine has no array of a subquery; psql asks so for rights and memberships alone.
            Expr::Function(function) if is_array_of_query(function) => put(expr, NO_LIST),
            // Nobody is listed as having rights: there is no such column, or it is text without values.
            // Nor have tables options.
            Expr::CompoundIdentifier(parts)
                if parts.last().is_some_and(|name| {
                    name.value.ends_with("acl") || name.value == "reloptions"
                }) =>
            {
                put(expr, NO_LIST);
            }
            // Keys and their places, of which there are none.
            Expr::Function(function) if is_of_keys(function) => put(expr, "NULL"),
            Expr::Subquery(query) if is_of_nothing(query) => put(expr, "NULL"),
            Expr::Subquery(query) => match name_of_function(query) {
                Some(name) => put(expr, &format!("'{name}'")),
                None => aggregate(query),
            },
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn put(expr: &mut Expr, sql: &str) {
    let parsed = Parser::new(&PostgreSqlDialect {})
        .try_with_sql(sql)
        .and_then(|mut parser| parser.parse_expr());
    // The texts are our own.
    if let Ok(parsed) = parsed {
        *expr = parsed;
    }
}

fn is_array_of_query(function: &Function) -> bool {
    let name = function.name.to_string();
    name.eq_ignore_ascii_case("array") && matches!(function.args, FunctionArguments::Subquery(_))
}

fn is_of_keys(function: &Function) -> bool {
    let text = function.to_string().to_ascii_lowercase();
    let takes_keys =
        ["indkey", "indclass", "conkey", "confkey"].iter().any(|column| text.contains(column));
    takes_keys && (text.starts_with("unnest(") || text.starts_with("generate_subscripts("))
}

/// Whether it asks for defaults, identities or collations of columns, of which there are none.
fn is_of_nothing(query: &Query) -> bool {
    let text = query.to_string();
    ["json_build_object(", "FROM pg_catalog.pg_attrdef"].iter().any(|part| text.contains(part))
}

/// The name that a subquery looks the number of a function up by. Types name their functions by name here.
fn name_of_function(query: &Query) -> Option<String> {
    let text = query.to_string();
    let name = text.strip_prefix("SELECT oid FROM pg_catalog.pg_proc WHERE proname = '")?;
    let name = &name[..name.find('\'')?];
    Some(name.rsplit('.').next().unwrap_or(name).to_owned())
}

/// Makes a subquery that has one row give it as an aggregate, which the engine can plan beside a condition
/// that names what is outside.
fn aggregate(query: &mut Query) {
    if query.limit_clause.is_some() {
        return;
    }
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    let [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] =
        select.projection.as_mut_slice()
    else {
        return;
    };
    let is_aggregate = matches!(expr, Expr::Function(function)
        if ["min", "max", "count", "sum", "string_agg", "array_agg", "bool_or"]
            .contains(&function.name.to_string().to_lowercase().as_str()));
    if is_aggregate {
        return;
    }
    let sql = format!("min({expr})");
    put(expr, &sql);
    query.order_by = None;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_psql_asks_becomes_what_the_engine_can_plan() {
        let rewritten = |sql: &str| {
            let mut parsed = Parser::parse_sql(&PostgreSqlDialect {}, sql).expect("SQL");
            rewrite(parsed.remove(0)).to_string()
        };
        assert_eq!(
            rewritten("select array_to_string(n.nspacl, ',') from n"),
            "SELECT array_to_string(string_to_array(NULL, ','), ',') FROM n"
        );
        assert_eq!(
            rewritten("select array(select 1), x from t"),
            "SELECT string_to_array(NULL, ','), x FROM t"
        );
        assert_eq!(
            rewritten("select 1 from t where (select c.k = 'c' from c where c.oid = t.oid)"),
            "SELECT 1 FROM t WHERE (SELECT min(c.k = 'c') FROM c WHERE c.oid = t.oid)"
        );
    }
}
