//! From PostgreSQL's words to the engine's.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    SelectItem, Statement, TimezoneInfo, Value, VisitMut, VisitorMut,
};
use datafusion_pg_catalog::sql::rules::{
    CurrentUserVariableToSessionUserFunctionCall, FixArrayLiteral, PrependUnqualifiedPgTableName,
    RewriteArrayAnyAllOperation, RewritePgCatalogOperator, SqlStatementRewriteRule,
    StripCallableQualifier, StripCollate,
};

use pgwire::api::Type;

use super::settings::{SERVER_VERSION, Settings};

/// What functions answer with that ask for the connection itself.
#[derive(Default)]
pub(super) struct Known<'a> {
    /// The user's name.
    pub user: &'a str,
    /// The connection's number.
    pub id: i32,
    /// Its settings.
    pub settings: Option<&'a Settings>,
    /// The types that the client says its parameters have.
    pub types: &'a [Type],
}

/// Rewrites that keep what a statement means.
pub(super) fn harmless(statement: Statement) -> Statement {
    static RULES: LazyLock<Vec<Box<dyn SqlStatementRewriteRule>>> = LazyLock::new(|| {
        vec![
            Box::new(RewriteArrayAnyAllOperation),
            Box::new(PrependUnqualifiedPgTableName),
            Box::new(StripCallableQualifier),
            Box::new(FixArrayLiteral),
            Box::new(CurrentUserVariableToSessionUserFunctionCall),
            Box::new(StripCollate),
            Box::new(RewritePgCatalogOperator),
        ]
    });
    RULES.iter().fold(statement, |statement, rule| rule.rewrite(statement))
}

/// Replaces functions that ask for the connection itself by what they answer.
pub(super) fn literals(mut statement: Statement, known: &Known<'_>) -> Statement {
    let mut replace = Replace(known);
    let _ = statement.visit(&mut replace);
    statement
}

struct Replace<'a>(&'a Known<'a>);

impl VisitorMut for Replace<'_> {
    type Break = ();

    fn pre_visit_select(
        &mut self,
        select: &mut datafusion::sql::sqlparser::ast::Select,
    ) -> ControlFlow<()> {
        // The column keeps its name.
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && let Expr::Function(function) = &*expr
                && let Some(value) = self.value(function)
            {
                let name = name(function);
                // Before rewriting, `current_user` has become `session_user`, which is the same here.
                let alias = Ident::new(name);
                *item = SelectItem::ExprWithAlias { expr: value, alias };
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(kind) = self.type_of(expr) {
            let inner = Box::new(expr.clone());
            *expr = Expr::Cast {
                kind: CastKind::Cast,
                expr: inner,
                data_type: kind,
                array: false,
                format: None,
            };
        } else if let Expr::Function(function) = &*expr
            && let Some(value) = self.value(function)
        {
            *expr = value;
        }
        ControlFlow::Continue(())
    }
}

impl Replace<'_> {
    /// The type of a parameter, if the client has said one: it decides between functions and columns. Not
    /// so text, as which many clients send everything.
    fn type_of(&self, expr: &Expr) -> Option<DataType> {
        let Expr::Value(value) = expr else { return None };
        let Value::Placeholder(name) = &value.value else { return None };
        let number: usize = name.strip_prefix('$')?.parse().ok()?;
        let kind = self.0.types.get(number.checked_sub(1)?)?;
        Some(match *kind {
            Type::BOOL => DataType::Boolean,
            Type::INT2 => DataType::SmallInt(None),
            Type::INT4 => DataType::Integer(None),
            Type::INT8 => DataType::BigInt(None),
            Type::FLOAT4 => DataType::Real,
            Type::FLOAT8 => DataType::DoublePrecision,
            Type::BYTEA => DataType::Bytea,
            Type::DATE => DataType::Date,
            Type::TIMESTAMP => DataType::Timestamp(None, TimezoneInfo::None),
            Type::TIMESTAMPTZ => DataType::Timestamp(None, TimezoneInfo::WithTimeZone),
            Type::TEXT_ARRAY | Type::VARCHAR_ARRAY => list(DataType::Text),
            Type::INT2_ARRAY => list(DataType::SmallInt(None)),
            Type::INT4_ARRAY => list(DataType::Integer(None)),
            Type::INT8_ARRAY => list(DataType::BigInt(None)),
            Type::FLOAT8_ARRAY => list(DataType::DoublePrecision),
            Type::BYTEA_ARRAY => list(DataType::Bytea),
            _ => return None,
        })
    }

    fn value(&self, function: &Function) -> Option<Expr> {
        let known = self.0;
        let text = |text: &str| Some(Expr::value(Value::SingleQuotedString(text.to_owned())));
        match name(function).as_str() {
            "current_user" | "session_user" | "user" | "current_role" | "getpgusername" => {
                text(known.user)
            }
            "version" => {
                text(&format!("PostgreSQL {SERVER_VERSION} (assay {})", env!("CARGO_PKG_VERSION")))
            }
            "pg_backend_pid" => Some(Expr::value(Value::Number(known.id.to_string(), false))),
            "current_setting" => {
                let name = first_text(function)?;
                match known.settings.and_then(|settings| settings.get(&name)) {
                    Some(value) => text(value),
                    None => Some(Expr::value(Value::Null)),
                }
            }
            _ => None,
        }
    }
}

fn list(item: DataType) -> DataType {
    DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(item), None))
}

/// The function's name without its schema.
fn name(function: &Function) -> String {
    let last = function.name.0.last().and_then(|part| part.as_ident());
    last.map(|ident| ident.value.to_lowercase()).unwrap_or_default()
}

fn first_text(function: &Function) -> Option<String> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))) = list.args.first()
    else {
        return None;
    };
    match &value.value {
        Value::SingleQuotedString(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn the_connection_answers_for_itself() {
        let settings = Settings::new("alice", std::iter::empty());
        let known = Known { user: "alice", id: 7, settings: Some(&settings), types: &[Type::INT8] };
        let rewritten = |sql: &str| {
            let mut parsed = Parser::parse_sql(&PostgreSqlDialect {}, sql).expect("SQL");
            literals(harmless(parsed.remove(0)), &known).to_string()
        };
        assert_eq!(
            rewritten("select pg_catalog.current_setting('TimeZone'), pg_backend_pid()"),
            "SELECT 'UTC' AS current_setting, 7 AS pg_backend_pid"
        );
        assert_eq!(
            rewritten("select 1 where current_user = 'bob'"),
            "SELECT 1 WHERE 'alice' = 'bob'"
        );
        assert!(rewritten("select version()").contains("'PostgreSQL 16.6"));
        assert_eq!(rewritten("select f(1), t.a from t"), "SELECT f(1), t.a FROM t");
        assert_eq!(rewritten("select $1, $2"), "SELECT CAST($1 AS BIGINT), $2");
    }
}
