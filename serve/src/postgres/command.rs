//! What a client asks for, read from its text.

use std::sync::LazyLock;

use assay_query::{QueryError, Statement};
use datafusion::sql::sqlparser::ast::{
    self, CloseCursor, CopySource, CopyTarget, Declare, DiscardObject, Expr, FetchDirection, Ident,
    Set, Value,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use datafusion_pg_catalog::sql::PostgresCompatibilityParser;

use pgwire::api::Type;

use super::copy::CopyFormat;
use super::rewrite::{self, Known};
use super::rewrite_catalog;
use crate::ServeError;

/// How deep parentheses and subqueries may nest, as in the query layer.
const MAX_NESTING: usize = 50;

/// One thing to do.
#[derive(Clone, Debug)]
pub(super) enum Command {
    /// A statement that reads.
    Read(Statement),
    /// `COPY … TO STDOUT`.
    Copy { statement: Statement, format: CopyFormat },
    /// `DECLARE … CURSOR FOR …`.
    Declare { name: String, statement: Statement, hold: bool },
    /// `FETCH` so many rows, or all.
    Fetch { name: String, rows: Option<u64> },
    /// `CLOSE` one cursor, or all.
    Close(Option<String>),
    /// `SET`; without a value, to the default.
    Set { name: String, value: Option<String> },
    /// `SHOW` of a setting.
    Show(String),
    /// `SHOW ALL`.
    ShowAll,
    /// `RESET` of one setting, or all.
    Reset(Option<String>),
    /// `BEGIN`.
    Begin,
    /// `COMMIT`.
    Commit,
    /// `ROLLBACK`.
    Rollback,
    /// `ROLLBACK TO` a savepoint: as nothing is ever changed, one is as good as another.
    RollbackTo,
    /// `DISCARD ALL`.
    DiscardAll,
    /// `PREPARE name AS …`.
    Prepare { name: String, statement: Statement },
    /// `EXECUTE name (…)`.
    Execute { name: String, values: Vec<Option<String>> },
    /// `DEALLOCATE` one prepared statement, or all.
    Deallocate(Option<String>),
    /// What has nothing to do here, but clients say it: only its tag is answered.
    Nothing(&'static str),
}

/// A command with its text.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub command: Command,
    pub text: String,
    /// The types of its parameters, as far as they are known.
    pub types: Vec<Type>,
}

/// The commands of `sql`; none if it is blank, or nothing but comments.
pub(super) fn parse(sql: &str, known: &Known<'_>) -> Result<Vec<Asked>, ServeError> {
    let dialect = PostgreSqlDialect {};
    Statement::check_text(sql, &dialect)?;
    let statements = if names_the_catalog(sql, &dialect) {
        // Its rewriting is made for what clients ask of the catalog, and gives up subqueries that the
        // engine cannot plan, which would be wrong elsewhere.
        match compatible(sql) {
            Ok(statements) => statements,
            Err(_) => rewritten(sql, &dialect)?,
        }
    } else {
        rewritten(sql, &dialect)?
    };
    let single = statements.len() == 1;
    let asked = |(original, statement): (Option<String>, ast::Statement)| {
        let text = if single { sql.to_owned() } else { original.unwrap_or(statement.to_string()) };
        let (statement, types) = rewrite::literals(statement, known);
        Ok(Asked { command: command(statement)?, text, types })
    };
    statements.into_iter().map(asked).collect()
}

type Parsed = Vec<(Option<String>, ast::Statement)>;

fn compatible(sql: &str) -> Result<Parsed, ServeError> {
    static PARSER: LazyLock<PostgresCompatibilityParser> =
        LazyLock::new(PostgresCompatibilityParser::new);
    // It trusts what it matches more than it should.
    let parsed = std::panic::catch_unwind(|| PARSER.parse(sql));
    let parsed = parsed.unwrap_or_else(|_| {
        Err(ParserError::ParserError("the statement cannot be rewritten".to_owned()))
    });
    let statements = parsed.map_err(syntax)?.into_iter();
    Ok(statements.map(|statement| (None, rewrite_catalog::rewrite(statement))).collect())
}

fn rewritten(sql: &str, dialect: &PostgreSqlDialect) -> Result<Parsed, ServeError> {
    let statements = Parser::new(dialect)
        .with_recursion_limit(MAX_NESTING)
        .try_with_sql(sql)
        .and_then(|mut parser| parser.parse_statements())
        .map_err(syntax)?;
    let both = |statement: ast::Statement| {
        let text = statement.to_string();
        (Some(text), rewrite::harmless(statement))
    };
    Ok(statements.into_iter().map(both).collect())
}

fn syntax(error: ParserError) -> ServeError {
    ServeError::Query(QueryError::Syntax(match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
        ParserError::RecursionLimitExceeded => "the statement is nested too deeply".to_owned(),
    }))
}

/// Whether `sql` asks PostgreSQL's own catalog, or uses what only those do that ask it.
fn names_the_catalog(sql: &str, dialect: &PostgreSqlDialect) -> bool {
    let Ok(tokens) = Tokenizer::new(dialect, sql).tokenize() else { return false };
    tokens.iter().any(|token| match token {
        Token::Word(word) => {
            let name = word.value.to_ascii_lowercase();
            name.starts_with("pg_")
                || ["regclass", "regtype", "regproc", "regnamespace", "information_schema", "abort"]
                    .contains(&name.as_str())
        }
        _ => false,
    })
}

fn command(statement: ast::Statement) -> Result<Command, ServeError> {
    use ast::Statement as S;
    let name = |ident: Ident| folded(&ident);
    Ok(match statement {
        S::Copy { source, to, target, options, legacy_options, .. } => {
            if !to || target != CopyTarget::Stdout {
                return Err(refused("COPY"));
            }
            let legacy: Vec<_> = legacy_options.iter().map(ToString::to_string).collect();
            let format = CopyFormat::new(&options, &legacy.join(" "))?;
            Command::Copy { statement: copied(source)?, format }
        }
        S::Declare { stmts } => declared(stmts)?,
        S::Fetch { name: cursor, direction, into: None, .. } => {
            Command::Fetch { name: name(cursor), rows: rows(direction)? }
        }
        S::Close { cursor: CloseCursor::All } => Command::Close(None),
        S::Close { cursor: CloseCursor::Specific { name: cursor } } => {
            Command::Close(Some(name(cursor)))
        }
        S::Set(set) => setting(set)?,
        S::ShowVariable { variable } => {
            let words: Vec<_> = variable.iter().map(|word| word.value.to_lowercase()).collect();
            match words.join(".").as_str() {
                "all" => Command::ShowAll,
                name => Command::Show(name.to_owned()),
            }
        }
        S::Reset(reset) => match reset.reset {
            ast::Reset::ALL => Command::Reset(None),
            ast::Reset::ConfigurationParameter(name) => Command::Reset(Some(name.to_string())),
        },
        S::StartTransaction { .. } => Command::Begin,
        S::Commit { .. } => Command::Commit,
        S::Rollback { savepoint: None, .. } => Command::Rollback,
        S::Rollback { .. } => Command::RollbackTo,
        S::Savepoint { .. } => Command::Nothing("SAVEPOINT"),
        S::ReleaseSavepoint { .. } => Command::Nothing("RELEASE"),
        S::LISTEN { .. } => Command::Nothing("LISTEN"),
        S::UNLISTEN { .. } => Command::Nothing("UNLISTEN"),
        S::Discard { object_type: DiscardObject::ALL } => Command::DiscardAll,
        S::Discard { object_type: DiscardObject::PLANS } => Command::Nothing("DISCARD PLANS"),
        S::Discard { .. } => Command::Nothing("DISCARD"),
        S::Prepare { name: prepared, statement, .. } => {
            Command::Prepare { name: name(prepared), statement: Statement::new(*statement)? }
        }
        S::Execute { name: Some(prepared), parameters, immediate: false, .. } => {
            let values = parameters.iter().map(literal).collect::<Result<_, _>>()?;
            Command::Execute { name: prepared.to_string().to_lowercase(), values }
        }
        S::Deallocate { name: prepared, .. } if prepared.value.eq_ignore_ascii_case("all") => {
            Command::Deallocate(None)
        }
        S::Deallocate { name: prepared, .. } => Command::Deallocate(Some(name(prepared))),
        other => Command::Read(Statement::new(other)?),
    })
}

fn refused(statement: &str) -> ServeError {
    let statement = format!("{statement} other than TO STDOUT");
    ServeError::Query(QueryError::Refused { statement })
}

/// The name that an identifier means: without quotes, letters do not matter.
fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

fn copied(source: CopySource) -> Result<Statement, ServeError> {
    match source {
        CopySource::Query(query) => Ok(Statement::new(ast::Statement::Query(query))?),
        CopySource::Table { table_name, columns } => {
            let columns: Vec<_> = columns.iter().map(ToString::to_string).collect();
            let columns = if columns.is_empty() { "*".to_owned() } else { columns.join(", ") };
            let sql = format!("select {columns} from {table_name}");
            let mut parsed = Parser::parse_sql(&PostgreSqlDialect {}, &sql).map_err(syntax)?;
            let query = parsed.pop().ok_or_else(|| refused("COPY"))?;
            Ok(Statement::new(query)?)
        }
    }
}

fn declared(mut declarations: Vec<Declare>) -> Result<Command, ServeError> {
    let unsupported = |text: &str| ServeError::Unsupported(text.to_owned());
    let only = declarations.pop().filter(|_| declarations.is_empty());
    let Some(Declare { mut names, for_query: Some(query), scroll, hold, .. }) = only else {
        return Err(unsupported("DECLARE is for cursors: DECLARE name CURSOR FOR SELECT …"));
    };
    if scroll == Some(true) {
        return Err(unsupported("cursors only go forward"));
    }
    let name = names.pop().map(|name| folded(&name)).unwrap_or_default();
    let statement = Statement::new(ast::Statement::Query(query))?;
    Ok(Command::Declare { name, statement, hold: hold == Some(true) })
}

fn rows(direction: FetchDirection) -> Result<Option<u64>, ServeError> {
    let count = |limit: &ast::ValueWithSpan| {
        let number = limit.to_string().parse::<u64>();
        number.map(Some).map_err(|_| ServeError::Unsupported("cursors only go forward".to_owned()))
    };
    match direction {
        FetchDirection::Count { limit }
        | FetchDirection::Forward { limit: Some(limit) }
        | FetchDirection::Relative { limit } => count(&limit),
        FetchDirection::Next | FetchDirection::Forward { limit: None } => Ok(Some(1)),
        FetchDirection::All | FetchDirection::ForwardAll => Ok(None),
        _ => Err(ServeError::Unsupported("cursors only go forward".to_owned())),
    }
}

fn setting(set: Set) -> Result<Command, ServeError> {
    Ok(match set {
        Set::SingleAssignment { variable, values, .. } => {
            let words: Vec<_> = values.iter().map(word).collect();
            let value = words.join(", ");
            let is_default = value.eq_ignore_ascii_case("default");
            Command::Set {
                name: variable.to_string().replace('"', ""),
                value: (!is_default).then_some(value),
            }
        }
        Set::SetTimeZone { value, .. } => {
            Command::Set { name: "timezone".to_owned(), value: Some(word(&value)) }
        }
        Set::SetNames { charset_name, .. } => {
            Command::Set { name: "client_encoding".to_owned(), value: Some(charset_name.value) }
        }
        Set::SetNamesDefault {} | Set::SetTransaction { .. } | Set::SetSessionParam(_) => {
            Command::Nothing("SET")
        }
        _ => return Err(ServeError::Unsupported("this SET is not supported".to_owned())),
    })
}

/// A value as the setting has it: without quotes.
fn word(value: &Expr) -> String {
    match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => text.clone(),
            other => other.to_string(),
        },
        Expr::Identifier(name) => name.value.clone(),
        other => other.to_string(),
    }
}

/// The text of a value that `EXECUTE` passes.
fn literal(value: &Expr) -> Result<Option<String>, ServeError> {
    match value {
        Expr::Value(value) => Ok(match &value.value {
            Value::Null => None,
            Value::SingleQuotedString(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }),
        Expr::UnaryOp { expr, .. } if matches!(**expr, Expr::Value(_)) => {
            Ok(Some(value.to_string()))
        }
        Expr::Cast { expr, .. } => literal(expr),
        _ => Err(ServeError::Unsupported("EXECUTE takes literals alone".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(sql: &str) -> Result<Vec<String>, ServeError> {
        let asked = parse(sql, &Known::default())?;
        Ok(asked.into_iter().map(|asked| format!("{:?}", asked.command)).collect())
    }

    fn one(sql: &str) -> String {
        let mut all = commands(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(all.len(), 1, "{sql}");
        all.remove(0)
    }

    #[test]
    fn what_clients_say_is_understood() {
        for (sql, expected) in [
            ("BEGIN", "Begin"),
            ("start transaction isolation level serializable read only", "Begin"),
            ("COMMIT", "Commit"),
            ("END", "Commit"),
            ("ROLLBACK", "Rollback"),
            ("ABORT", "Rollback"),
            ("DISCARD ALL", "DiscardAll"),
            ("DEALLOCATE ALL", "Deallocate(None)"),
            ("deallocate \"Q1\"", "Deallocate(Some(\"Q1\"))"),
            (
                "SET extra_float_digits = 3",
                "Set { name: \"extra_float_digits\", value: Some(\"3\") }",
            ),
            (
                "SET application_name TO 'x y'",
                "Set { name: \"application_name\", value: Some(\"x y\") }",
            ),
            ("SET TIME ZONE 'UTC'", "Set { name: \"timezone\", value: Some(\"UTC\") }"),
            ("SET search_path = a, b", "Set { name: \"search_path\", value: Some(\"a, b\") }"),
            ("SET statement_timeout = DEFAULT", "Set { name: \"statement_timeout\", value: None }"),
            ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "Nothing(\"SET\")"),
            ("SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "Nothing(\"SET\")"),
            ("SHOW server_version", "Show(\"server_version\")"),
            ("SHOW transaction isolation level", "Show(\"transaction.isolation.level\")"),
            ("SHOW ALL", "ShowAll"),
            ("RESET ALL", "Reset(None)"),
            ("FETCH 10 FROM c", "Fetch { name: \"c\", rows: Some(10) }"),
            ("FETCH FORWARD 10 FROM \"C\"", "Fetch { name: \"C\", rows: Some(10) }"),
            ("FETCH ALL IN c", "Fetch { name: \"c\", rows: None }"),
            ("FETCH NEXT FROM c", "Fetch { name: \"c\", rows: Some(1) }"),
            ("CLOSE c", "Close(Some(\"c\"))"),
            ("CLOSE ALL", "Close(None)"),
            (
                "EXECUTE q (1, 'a', NULL, -2)",
                "Execute { name: \"q\", values: [Some(\"1\"), Some(\"a\"), None, Some(\"-2\")] }",
            ),
        ] {
            assert_eq!(one(sql), expected, "{sql}");
        }
        assert!(one("DECLARE c NO SCROLL CURSOR WITH HOLD FOR SELECT 1").contains("hold: true"));
        assert!(one("COPY (select 1) TO STDOUT WITH (FORMAT csv, HEADER)").starts_with("Copy"));
        assert!(one("COPY bitcoin.blocks (height, time) TO STDOUT").contains("height"));
        assert!(
            one("select e'a\\n', 1::int8, x ~ 'y' from t where a = any($1)").starts_with("Read")
        );
    }

    #[test]
    fn blank_text_has_no_commands() {
        for sql in ["", " ; ", "-- ping", "/* x */", ";;"] {
            assert!(commands(sql).expect("blank").is_empty(), "{sql}");
        }
        assert_eq!(commands("select 1; begin; select 2").expect("three").len(), 3);
    }

    #[test]
    fn what_writes_is_refused_with_its_code() {
        for (sql, code) in [
            ("COPY (select 1) TO '/tmp/x'", "25006"),
            ("COPY (select 1) TO PROGRAM 'x'", "25006"),
            ("COPY bitcoin.blocks FROM STDIN", "25006"),
            ("insert into bitcoin.blocks values (1)", "25006"),
            ("create table t (a int)", "25006"),
            ("DECLARE c SCROLL CURSOR FOR SELECT 1", "0A000"),
            ("FETCH PRIOR FROM c", "0A000"),
            ("selec 1", "42601"),
        ] {
            let error = commands(sql).expect_err(sql);
            assert_eq!(error.sqlstate(), code, "{sql}: {error}");
        }
    }

    #[test]
    fn a_syntax_error_knows_its_place() {
        let sql = "select 1,\n  )";
        let error = commands(sql).expect_err("no parenthesis was opened");
        assert!(error.position(sql).is_some(), "{error}");
    }
}
