//! What is computed of one row.

use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{BinaryExpr, Case, InList, Like};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator};

use super::functions;
use super::kind::Kind;
use super::plan::whole;
use super::select::{Context, Term};

/// The longest list that is sent for `IN`.
const MAX_IN_LIST: usize = 1_000;

/// What the names in an expression mean.
pub(super) struct Scope<'a> {
    schema: &'a DFSchema,
    columns: &'a [Term],
    context: &'a Context,
}

impl<'a> Scope<'a> {
    /// Columns of `schema`, which are `columns` in the same order.
    pub(super) fn new(
        schema: &'a DFSchema,
        columns: &'a [Term],
        context: &'a Context,
    ) -> Scope<'a> {
        Scope { schema, columns, context }
    }

    /// `expr` as a column that is handed on: lists are, too.
    pub(super) fn output(&self, expr: &Expr) -> Option<Term> {
        match expr {
            Expr::Alias(alias) => self.output(&alias.expr),
            Expr::Column(column) => {
                Some(self.columns[self.schema.maybe_index_of_column(column)?].clone())
            }
            expr => self.term(expr),
        }
    }

    /// Whether `expr` may be null; `None` if that is not known.
    pub(super) fn is_nullable(&self, expr: &Expr) -> Option<bool> {
        expr.nullable(self.schema).ok()
    }

    /// `expr` as a condition.
    pub(super) fn condition(&self, expr: &Expr) -> Option<String> {
        self.term(expr).filter(|term| term.kind == Kind::Boolean).map(|term| term.sql)
    }

    /// `expr`; `None` if it is not known to be the same in ClickHouse.
    pub(super) fn term(&self, expr: &Expr) -> Option<Term> {
        match expr {
            Expr::Alias(alias) => self.term(&alias.expr),
            Expr::Column(_) => self.output(expr).filter(|term| term.kind != Kind::List),
            Expr::Literal(value, _) => {
                let kind = Kind::of(&value.data_type())?;
                Some(Term::new(kind.constant(value)?, kind))
            }
            Expr::BinaryExpr(expr) => self.binary(expr),
            Expr::Not(inner) => self.truth(inner, |sql| format!("(NOT {sql})")),
            Expr::IsTrue(inner) => self.truth(inner, |sql| format!("ifNull({sql}, false)")),
            Expr::IsNotTrue(inner) => {
                self.truth(inner, |sql| format!("(NOT ifNull({sql}, false))"))
            }
            Expr::IsFalse(inner) => self.truth(inner, |sql| format!("(NOT ifNull({sql}, true))")),
            Expr::IsNotFalse(inner) => self.truth(inner, |sql| format!("ifNull({sql}, true)")),
            Expr::IsNull(inner) | Expr::IsUnknown(inner) => {
                Some(Term::new(format!("({} IS NULL)", self.term(inner)?.sql), Kind::Boolean))
            }
            Expr::IsNotNull(inner) | Expr::IsNotUnknown(inner) => {
                Some(Term::new(format!("({} IS NOT NULL)", self.term(inner)?.sql), Kind::Boolean))
            }
            Expr::Negative(inner) => {
                let term = self.term(inner)?;
                arithmetic_result(format!("(-{})", term.sql), term.kind)
            }
            Expr::Between(between) => {
                let low = self.compared(&between.expr, ">=", &between.low)?;
                let high = self.compared(&between.expr, "<=", &between.high)?;
                let not = if between.negated { "NOT " } else { "" };
                Some(Term::new(format!("({not}({low} AND {high}))"), Kind::Boolean))
            }
            Expr::Case(case) => self.case(case),
            Expr::Cast(cast) => {
                let to = Kind::of(cast.field.data_type())?;
                functions::cast(self.term(&cast.expr)?, to, &cast.field)
            }
            Expr::InList(list) => self.in_list(list),
            Expr::Like(like) => self.like(like),
            Expr::ScalarFunction(call) => functions::call(call.name(), &call.args, self),
            // No row is null on both sides, and more than one is an error on both.
            Expr::ScalarSubquery(query) if query.outer_ref_columns.is_empty() => {
                let select = whole(&query.subquery, self.context)?;
                let (text, columns) = select.text(self.context);
                Some(Term::new(format!("({text})"), columns.first()?.kind))
            }
            _ => None,
        }
    }

    fn truth(&self, inner: &Expr, wrap: impl Fn(&str) -> String) -> Option<Term> {
        Some(Term::new(wrap(&self.condition(inner)?), Kind::Boolean))
    }

    fn binary(&self, expr: &BinaryExpr) -> Option<Term> {
        let BinaryExpr { left, op, right } = expr;
        let comparison = |sql: String| Some(Term::new(sql, Kind::Boolean));
        match op {
            Operator::And | Operator::Or => {
                let (left, right) = (self.condition(left)?, self.condition(right)?);
                comparison(format!("({left} {op} {right})"))
            }
            Operator::Eq => comparison(self.compared(left, "=", right)?),
            Operator::NotEq => comparison(self.compared(left, "<>", right)?),
            Operator::Lt => comparison(self.compared(left, "<", right)?),
            Operator::LtEq => comparison(self.compared(left, "<=", right)?),
            Operator::Gt => comparison(self.compared(left, ">", right)?),
            Operator::GtEq => comparison(self.compared(left, ">=", right)?),
            Operator::IsDistinctFrom | Operator::IsNotDistinctFrom => {
                let (a, b) = self.pair(left, right)?;
                let not = if *op == Operator::IsDistinctFrom { "NOT " } else { "" };
                comparison(format!(
                    "({not}(ifNull({a} = {b}, false) OR ({a} IS NULL AND {b} IS NULL)))"
                ))
            }
            Operator::Plus | Operator::Minus | Operator::Multiply => {
                self.arithmetic(left, *op, right)
            }
            Operator::Divide | Operator::Modulo => self.division(left, *op, right),
            Operator::StringConcat => {
                let (left, right) = (self.term(left)?, self.term(right)?);
                let is_text = left.kind == Kind::Text && right.kind == Kind::Text;
                let sql = format!("concat({}, {})", left.sql, right.sql);
                is_text.then(|| Term::new(sql, Kind::Text))
            }
            _ => None,
        }
    }

    fn compared(&self, left: &Expr, op: &str, right: &Expr) -> Option<String> {
        let (left, right) = self.pair(left, right)?;
        Some(format!("({left} {op} {right})"))
    }

    /// Two values that can be compared, because they are of one kind.
    fn pair(&self, left: &Expr, right: &Expr) -> Option<(String, String)> {
        let (left, right) = match (left, right) {
            (Expr::Literal(..), Expr::Literal(..)) => return None,
            (Expr::Literal(value, _), right) => {
                let right = self.term(right)?;
                (Term::new(right.kind.operand(value)?, right.kind), right)
            }
            (left, Expr::Literal(value, _)) => {
                let left = self.term(left)?;
                let right = Term::new(left.kind.operand(value)?, left.kind);
                (left, right)
            }
            (left, right) => (self.term(left)?, self.term(right)?),
        };
        (left.kind == right.kind && left.kind.has_order()).then_some((left.sql, right.sql))
    }

    /// Whole numbers wrap around on both sides, and sums of decimals that do not fit are errors on
    /// both. A product of decimals is an error only here.
    fn arithmetic(&self, left: &Expr, op: Operator, right: &Expr) -> Option<Term> {
        let (left, right) = (self.term(left)?, self.term(right)?);
        let is_decimal = matches!(left.kind, Kind::Decimal(_) | Kind::WideDecimal(_));
        if left.kind != right.kind || (is_decimal && op == Operator::Multiply) {
            return None;
        }
        arithmetic_result(format!("({} {op} {})", left.sql, right.sql), left.kind)
    }

    /// Division by a constant: with any other divisor, what fails on one side may not on the other.
    fn division(&self, left: &Expr, op: Operator, right: &Expr) -> Option<Term> {
        let term = self.term(left)?;
        let Expr::Literal(divisor, _) = right else { return None };
        match (term.kind, divisor) {
            (Kind::Int64, ScalarValue::Int64(Some(divisor))) if ![0, -1].contains(divisor) => {
                let sql = match op {
                    Operator::Divide => format!("intDiv({}, toInt64({divisor}))", term.sql),
                    _ => format!("modulo({}, toInt64({divisor}))", term.sql),
                };
                Some(Term::new(sql, Kind::Int64))
            }
            (Kind::Float64, divisor @ ScalarValue::Float64(Some(_))) if op == Operator::Divide => {
                let divisor = Kind::Float64.constant(divisor)?;
                Some(Term::new(format!("({} / {divisor})", term.sql), Kind::Float64))
            }
            _ => None,
        }
    }

    fn in_list(&self, list: &InList) -> Option<Term> {
        let term = self.term(&list.expr).filter(|term| term.kind.has_order())?;
        if list.list.is_empty() || list.list.len() > MAX_IN_LIST {
            return None;
        }
        // In ClickHouse a list with null is like one without it.
        let items = list.list.iter().map(|item| match item {
            Expr::Literal(value, _) if !value.is_null() => term.kind.operand(value),
            _ => None,
        });
        let items = items.collect::<Option<Vec<_>>>()?.join(", ");
        let not = if list.negated { "NOT " } else { "" };
        Some(Term::new(format!("({} {not}IN ({items}))", term.sql), Kind::Boolean))
    }

    /// Patterns without escapes: those are read differently.
    fn like(&self, like: &Like) -> Option<Term> {
        let term = self.term(&like.expr).filter(|term| term.kind == Kind::Text)?;
        let Expr::Literal(pattern @ ScalarValue::Utf8(Some(text)), _) = &*like.pattern else {
            return None;
        };
        if like.case_insensitive || like.escape_char.is_some() || text.contains('\\') {
            return None;
        }
        let not = if like.negated { "NOT " } else { "" };
        let pattern = Kind::Text.constant(pattern)?;
        Some(Term::new(format!("({} {not}LIKE {pattern})", term.sql), Kind::Boolean))
    }

    fn case(&self, case: &Case) -> Option<Term> {
        let results = case.when_then_expr.iter().map(|(_, then)| &**then);
        let results: Vec<_> = results.chain(case.else_expr.as_deref()).collect();
        // What is no constant says what kind they all are.
        let is_constant = |expr: &&&Expr| matches!(expr, Expr::Literal(..));
        let kind = match results.iter().find(|expr| !is_constant(expr)) {
            Some(expr) => self.term(expr)?.kind,
            None => results.iter().find_map(|expr| self.term(expr))?.kind,
        };
        let result = |expr: &Expr| match expr {
            Expr::Literal(value, _) => kind.constant(value),
            expr => self.term(expr).filter(|term| term.kind == kind).map(|term| term.sql),
        };
        let mut sql = "(CASE".to_owned();
        for (when, then) in &case.when_then_expr {
            let condition = match &case.expr {
                Some(value) => self.compared(value, "=", when)?,
                None => self.condition(when)?,
            };
            sql += &format!(" WHEN {condition} THEN {}", result(then)?);
        }
        if let Some(otherwise) = &case.else_expr {
            sql += &format!(" ELSE {}", result(otherwise)?);
        }
        Some(Term::new(sql + " END)", kind))
    }
}

/// What sums, differences, products and negatives of `kind` are; ClickHouse makes a greater type of
/// small numbers.
fn arithmetic_result(sql: String, kind: Kind) -> Option<Term> {
    match kind {
        Kind::Int32 => Some(Term::new(format!("toInt32({sql})"), kind)),
        Kind::Int64 | Kind::Float64 | Kind::Decimal(_) | Kind::WideDecimal(_) => {
            Some(Term::new(sql, kind))
        }
        _ => None,
    }
}
