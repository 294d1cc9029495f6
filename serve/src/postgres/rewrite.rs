//! From PostgreSQL's words to the engine's.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Ident, SelectItem, Statement, TimezoneInfo, Value, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
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

/// Replaces functions that ask for the connection itself by what they answer, and finds out the types of
/// parameters: what the client says, else what they are cast to.
pub(super) fn literals(mut statement: Statement, known: &Known<'_>) -> (Statement, Vec<Type>) {
    let mut replace = Replace { known, types: known.types.to_vec() };
    let _ = statement.visit(&mut replace);
    (statement, replace.types)
}

struct Replace<'a> {
    known: &'a Known<'a>,
    /// Those of the parameters, as far as they are known.
    types: Vec<Type>,
}

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
        self.find_type(expr);
        escape_by_backslash(expr);
        if let Some(kind) = self.type_of(expr) {
            cast(expr, kind);
        } else if let Expr::Function(function) = &*expr
            && let Some(value) = self.value(function)
        {
            *expr = value;
        }
        ControlFlow::Continue(())
    }
}

impl Replace<'_> {
    /// Notes the type that a parameter is cast to, if the client has not said one. One that is asked for
    /// an item is a list of texts.
    fn find_type(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Cast { expr: inner, data_type, .. } => {
                if let (Some(index), Some(kind)) = (self.unknown(inner), wire_type(data_type)) {
                    self.note(index, kind);
                }
            }
            Expr::Function(function) if name(function) == "array_contains" => {
                if let FunctionArguments::List(list) = &mut function.args
                    && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(first))) =
                        list.args.first_mut()
                    && let Some(index) = self.unknown(first)
                {
                    self.note(index, Type::TEXT_ARRAY);
                    cast(first, list_of(DataType::Text));
                }
            }
            _ => {}
        }
    }

    fn note(&mut self, index: usize, kind: Type) {
        // More than two bytes can count cannot be bound.
        if index < usize::from(u16::MAX) {
            self.types.resize(self.types.len().max(index + 1), Type::UNKNOWN);
            self.types[index] = kind;
        }
    }

    /// The place of a parameter of which no type is known.
    fn unknown(&self, expr: &Expr) -> Option<usize> {
        let index = place(expr)?;
        let kind = self.types.get(index).unwrap_or(&Type::UNKNOWN);
        (*kind == Type::UNKNOWN).then_some(index)
    }

    /// The type of a parameter, if the client has said one: it decides between functions and columns. Not
    /// so text, as which many clients send everything.
    fn type_of(&self, expr: &Expr) -> Option<DataType> {
        let kind = self.known.types.get(place(expr)?)?;
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
            Type::TEXT_ARRAY | Type::VARCHAR_ARRAY => list_of(DataType::Text),
            Type::INT2_ARRAY => list_of(DataType::SmallInt(None)),
            Type::INT4_ARRAY => list_of(DataType::Integer(None)),
            Type::INT8_ARRAY => list_of(DataType::BigInt(None)),
            Type::FLOAT8_ARRAY => list_of(DataType::DoublePrecision),
            Type::BYTEA_ARRAY => list_of(DataType::Bytea),
            _ => return None,
        })
    }

    fn value(&self, function: &Function) -> Option<Expr> {
        let known = self.known;
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

fn list_of(item: DataType) -> DataType {
    DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(item), None))
}

/// The place of a parameter, from 0; `None` if it is something else.
fn place(expr: &Expr) -> Option<usize> {
    let Expr::Value(value) = expr else { return None };
    let Value::Placeholder(name) = &value.value else { return None };
    name.strip_prefix('$')?.parse::<usize>().ok()?.checked_sub(1)
}

/// Has `LIKE … ESCAPE` escape by a backslash, the only letter that the engine takes.
fn escape_by_backslash(expr: &mut Expr) {
    let (Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. }) = expr
    else {
        return;
    };
    let Some(Value::SingleQuotedString(letter)) = escape_char.take().map(Value::from) else {
        return;
    };
    if letter == "\\" || letter.chars().count() != 1 {
        return;
    }
    let letter = letter.replace('\'', "''");
    let sql = format!("replace(replace({pattern}, '\\', '\\\\'), '{letter}', '\\')");
    let parsed = Parser::new(&PostgreSqlDialect {})
        .try_with_sql(&sql)
        .and_then(|mut parser| parser.parse_expr());
    if let Ok(parsed) = parsed {
        **pattern = parsed;
    }
}

fn cast(expr: &mut Expr, to: DataType) {
    let inner = Box::new(expr.clone());
    *expr =
        Expr::Cast { kind: CastKind::Cast, expr: inner, data_type: to, array: false, format: None };
}

/// The type on the wire of what is cast to `kind`.
fn wire_type(kind: &DataType) -> Option<Type> {
    let words = kind.to_string().to_ascii_lowercase();
    let name = words.strip_prefix("pg_catalog.").unwrap_or(&words);
    let name = name.split('(').next().unwrap_or(name).trim_end();
    Some(match name {
        "boolean" | "bool" => Type::BOOL,
        "smallint" | "int2" => Type::INT2,
        "integer" | "int" | "int4" => Type::INT4,
        "bigint" | "int8" => Type::INT8,
        "real" | "float4" => Type::FLOAT4,
        "double precision" | "double" | "float8" => Type::FLOAT8,
        "text" | "varchar" | "character varying" => Type::TEXT,
        "bytea" => Type::BYTEA,
        "date" => Type::DATE,
        "timestamp" => Type::TIMESTAMP,
        "timestamptz" | "timestamp with time zone" => Type::TIMESTAMPTZ,
        "numeric" | "decimal" => Type::NUMERIC,
        "text[]" | "varchar[]" => Type::TEXT_ARRAY,
        "smallint[]" | "int2[]" => Type::INT2_ARRAY,
        "integer[]" | "int[]" | "int4[]" => Type::INT4_ARRAY,
        "bigint[]" | "int8[]" => Type::INT8_ARRAY,
        "double precision[]" | "float8[]" => Type::FLOAT8_ARRAY,
        "bytea[]" => Type::BYTEA_ARRAY,
        _ => return None,
    })
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
    use super::*;

    #[test]
    fn the_connection_answers_for_itself() {
        let settings = Settings::new("alice", std::iter::empty());
        let known = Known { user: "alice", id: 7, settings: Some(&settings), types: &[Type::INT8] };
        let rewritten = |sql: &str| {
            let mut parsed = Parser::parse_sql(&PostgreSqlDialect {}, sql).expect("SQL");
            literals(harmless(parsed.remove(0)), &known).0.to_string()
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
        let sql = "select $2::int, $3::text[] from t where a = any($4)";
        let mut parsed = Parser::parse_sql(&PostgreSqlDialect {}, sql).expect("SQL");
        let (statement, types) = literals(harmless(parsed.remove(0)), &known);
        assert_eq!(types, [Type::INT8, Type::INT4, Type::TEXT_ARRAY, Type::TEXT_ARRAY]);
        assert!(
            statement.to_string().ends_with("array_contains(CAST($4 AS TEXT[]), a)"),
            "{statement}"
        );
    }
}
