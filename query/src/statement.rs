//! Reads SQL text into statements and refuses all that do more than read.
//!
//! This is the first of two checks: the plan of a statement is checked again, because a query can
//! also write by what it plans (`SELECT … INTO`).

use std::fmt;
use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParserBuilder, Statement as Parsed};
use datafusion::sql::sqlparser::ast::{
    self, FunctionArg, FunctionArgExpr, Visit, VisitMut, Visitor, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect};
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::QueryError;

/// The longest SQL text that is read, bytes.
pub const MAX_SQL_BYTES: usize = 1 << 20;
/// The most operators that a statement may have. They can nest in a tree as deep as there are
/// operators, and every pass over the tree needs stack for its depth.
const MAX_OPERATORS: usize = 500;
/// The most tables, subqueries and the like that a statement may read from: they are joined in a
/// tree, too.
const MAX_RELATIONS: usize = 100;
/// How deep parentheses and subqueries may nest.
const MAX_NESTING: usize = 50;

/// One statement that only reads.
#[derive(Clone, Debug)]
pub struct Statement(pub(crate) Parsed);

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Statement {
    /// A statement that another parser read, of text that [`Statement::check_text`] found bounded.
    pub fn new(parsed: ast::Statement) -> Result<Statement, QueryError> {
        checked(Parsed::Statement(Box::new(parsed)))
    }

    /// Whether `sql` is short and flat enough to be parsed: an error says what is too much of it.
    pub fn check_text(sql: &str, dialect: &dyn Dialect) -> Result<(), QueryError> {
        if sql.len() > MAX_SQL_BYTES {
            return Err(QueryError::TooLong { bytes: sql.len(), limit: MAX_SQL_BYTES });
        }
        let tokens = Tokenizer::new(dialect, sql)
            .tokenize()
            .map_err(|error| QueryError::Syntax(error.to_string()))?;
        for statement in tokens.split(|token| *token == Token::SemiColon) {
            if statement.iter().filter(|token| is_operator(token)).count() > MAX_OPERATORS {
                return Err(QueryError::TooDeep { limit: MAX_OPERATORS });
            }
        }
        Ok(())
    }

    /// Whether it names the table `schema.name`, in whatever letters.
    pub fn names(&self, schema: &str, name: &str) -> bool {
        let found = only_reads(&self.0).map(|statement| {
            ast::visit_relations(statement, |relation| {
                let mut parts = relation.0.iter().rev().map(|part| match part.as_ident() {
                    Some(ident) => ident.value.as_str(),
                    None => "",
                });
                let last = parts.next().unwrap_or_default();
                let before = parts.next().unwrap_or_default();
                if last.eq_ignore_ascii_case(name) && before.eq_ignore_ascii_case(schema) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
        });
        found.is_some_and(|found| found.is_break())
    }
}

/// The statements of `sql`, which `;` separates; none if it is blank.
pub(crate) fn parse(sql: &str) -> Result<Vec<Statement>, QueryError> {
    let dialect = GenericDialect {};
    Statement::check_text(sql, &dialect)?;
    let parsed = DFParserBuilder::new(sql)
        .with_dialect(&dialect)
        .with_recursion_limit(MAX_NESTING)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(QueryError::from)?;
    parsed.into_iter().map(checked).collect()
}

/// `statement`, if it only reads, and from few enough tables.
fn checked(mut statement: Parsed) -> Result<Statement, QueryError> {
    let refused = || QueryError::Refused { statement: first_words(&statement) };
    let reads = only_reads(&statement).ok_or_else(refused)?;
    match reads.visit(&mut Inside { relations: 0 }) {
        ControlFlow::Continue(()) => {
            name_arguments(&mut statement);
            Ok(Statement(statement))
        }
        ControlFlow::Break(Excess::Writes) => Err(refused()),
        ControlFlow::Break(Excess::Relations) => Err(QueryError::TooMany { limit: MAX_RELATIONS }),
    }
}

/// Makes of each named argument of a table function its name and its value, which is how such a function gets
/// them: `energy(pue => 1.2)` is `energy('pue', 1.2)`.
fn name_arguments(statement: &mut Parsed) {
    match statement {
        Parsed::Statement(statement) => {
            let _: ControlFlow<()> = statement.visit(&mut NamedArguments);
        }
        Parsed::Explain(explain) => name_arguments(&mut explain.statement),
        Parsed::CreateExternalTable(_) | Parsed::CopyTo(_) | Parsed::Reset(_) => {}
    }
}

/// Replaces named arguments wherever rows come from.
struct NamedArguments;

impl VisitorMut for NamedArguments {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut ast::TableFactor) -> ControlFlow<()> {
        let ast::TableFactor::Table { args: Some(ast::TableFunctionArgs { args, .. }), .. } =
            factor
        else {
            return ControlFlow::Continue(());
        };
        let unnamed = |argument: FunctionArgExpr| FunctionArg::Unnamed(argument);
        let text = |name: String| {
            let name = ast::Value::SingleQuotedString(name).with_empty_span();
            unnamed(FunctionArgExpr::Expr(ast::Expr::Value(name)))
        };
        *args = std::mem::take(args)
            .into_iter()
            .flat_map(|argument| match argument {
                FunctionArg::Named { name, arg, .. } => vec![text(name.value), unnamed(arg)],
                FunctionArg::ExprNamed { name, arg, .. } => {
                    vec![text(name.to_string()), unnamed(arg)]
                }
                FunctionArg::Unnamed(_) => vec![argument],
            })
            .collect();
        ControlFlow::Continue(())
    }
}

/// Whether `token` can make the tree of a statement one level deeper without parentheses. Words
/// that join operands or queries count, and so do casts and subscripts.
fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(word) => {
            let word = word.value.as_str();
            ["and", "or", "not", "like", "between", "is", "union", "intersect", "except", "join"]
                .iter()
                .any(|operator| word.eq_ignore_ascii_case(operator))
        }
        Token::Whitespace(_)
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Comma
        | Token::LParen
        | Token::RParen
        | Token::Period
        | Token::EOF => false,
        _ => true,
    }
}

/// What a statement must not have inside.
enum Excess {
    Writes,
    Relations,
}

/// Looks through a statement and breaks off at the first excess.
struct Inside {
    relations: usize,
}

impl Visitor for Inside {
    type Break = Excess;

    fn pre_visit_statement(&mut self, statement: &ast::Statement) -> ControlFlow<Excess> {
        // Also those inside a query: WITH … INSERT.
        if sql_only_reads(statement) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(Excess::Writes)
        }
    }

    fn pre_visit_table_factor(&mut self, _: &ast::TableFactor) -> ControlFlow<Excess> {
        self.relations += 1;
        if self.relations > MAX_RELATIONS {
            ControlFlow::Break(Excess::Relations)
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// The statement or the one that it explains; `None` if that does more than read.
fn only_reads(statement: &Parsed) -> Option<&ast::Statement> {
    match statement {
        Parsed::Statement(statement) => sql_only_reads(statement).then_some(statement),
        Parsed::Explain(explain) => only_reads(&explain.statement),
        Parsed::CreateExternalTable(_) | Parsed::CopyTo(_) | Parsed::Reset(_) => None,
    }
}

fn sql_only_reads(statement: &ast::Statement) -> bool {
    match statement {
        ast::Statement::Query(_)
        | ast::Statement::ExplainTable { .. }
        | ast::Statement::ShowTables { .. }
        | ast::Statement::ShowColumns { .. }
        | ast::Statement::ShowFunctions { .. }
        | ast::Statement::ShowVariable { .. }
        | ast::Statement::ShowCreate { .. } => true,
        ast::Statement::Explain { statement, .. } => sql_only_reads(statement),
        _ => false,
    }
}

/// The first two words of a statement: enough to recognise it, and free of what it contains.
fn first_words(statement: &Parsed) -> String {
    let text = statement.to_string();
    let words: Vec<_> = text
        .split_whitespace()
        .take_while(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic()))
        .take(2)
        .collect();
    if words.is_empty() { "this statement".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_splits_into_statements() {
        let statements = parse("select 1; select ';' ; show tables;").expect("valid SQL");
        let texts: Vec<_> = statements.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["SELECT 1", "SELECT ';'", "SHOW TABLES"]);
        assert!(parse("  -- nothing\n").expect("blank").is_empty());
    }

    #[test]
    fn what_does_not_read_is_refused() {
        for sql in [
            "create table t (a int)",
            "create view v as select 1",
            "create external table t stored as parquet location '/tmp/x'",
            "create database d",
            "drop table bitcoin.outputs",
            "insert into bitcoin.outputs values (1)",
            "with t as (select 1) insert into bitcoin.outputs select * from t",
            "update bitcoin.outputs set value = 0",
            "delete from bitcoin.outputs",
            "truncate table bitcoin.outputs",
            "copy bitcoin.outputs to '/tmp/x.parquet'",
            "explain copy bitcoin.outputs to '/tmp/x.parquet'",
            "set datafusion.execution.target_partitions = 1",
            "reset datafusion.execution.target_partitions",
            "prepare p as select 1",
            "execute p",
            "deallocate p",
            "begin",
            "use bitcoin",
        ] {
            let refused = parse(sql).expect_err(sql);
            assert!(matches!(refused, QueryError::Refused { .. }), "{sql}: {refused}");
        }
    }

    #[test]
    fn a_refusal_names_the_statement_and_nothing_of_its_content() {
        let error = parse("drop table secret").expect_err("refused");
        assert!(error.to_string().starts_with("DROP TABLE is refused: "), "{error}");
    }

    #[test]
    fn text_that_would_exhaust_the_stack_is_refused() {
        let chain = format!("select {}", vec!["1"; 100_000].join("+"));
        assert!(matches!(parse(&chain), Err(QueryError::TooDeep { .. })));
        let nested = format!("select {}1{}", "(".repeat(5_000), ")".repeat(5_000));
        assert!(matches!(parse(&nested), Err(QueryError::Syntax(_))));
        let from = vec!["t"; 1_000].join(",");
        let from = format!("select 1 from {from}");
        assert!(matches!(parse(&from), Err(QueryError::TooMany { .. })));
        let long = " ".repeat(MAX_SQL_BYTES + 1);
        assert!(matches!(parse(&long), Err(QueryError::TooLong { .. })));
    }

    #[test]
    fn the_tables_of_a_statement_are_told() {
        let names = |sql: &str| {
            parse(sql).expect("valid SQL").pop().expect("one").names("system", "reorgs")
        };
        for sql in [
            "select * from system.reorgs",
            "explain select * from assay.system.reorgs",
            "select (select count(*) from System.\"reorgs\")",
            "with t as (select * from system.reorgs) select * from t",
        ] {
            assert!(names(sql), "{sql}");
        }
        assert!(!names("select 'system.reorgs' from system.watermarks, x.reorgs"));
    }

    #[test]
    fn long_lists_are_not_deep() {
        let list = (0..20_000).map(|height| height.to_string()).collect::<Vec<_>>().join(",");
        parse(&format!("select 1 where 2 in ({list})")).expect("a list is flat");
    }
}
