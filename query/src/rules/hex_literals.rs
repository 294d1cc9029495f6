//! Text that is compared with bytes is hex.
//!
//! Hashes are stored as bytes and known as hex. Left alone, the engine would take the letters of
//! `where txid = '4a5e…'` for the bytes themselves and find nothing. This rule runs before the
//! engine settles types: a literal becomes the bytes that it spells, so that statistics prune by
//! it, and any other text goes through `unhex`.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion::logical_expr::expr::{Between, BinaryExpr, InList, InSubquery};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator, ScalarUDF};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::utils::NamePreserver;

use crate::functions::unhex::{self, Unhex};

/// The rule.
#[derive(Debug)]
pub(crate) struct HexLiterals {
    unhex: Arc<ScalarUDF>,
}

impl HexLiterals {
    pub(crate) fn new() -> HexLiterals {
        HexLiterals { unhex: Arc::new(ScalarUDF::from(Unhex::new())) }
    }

    fn rewrite_plan(&self, plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let mut schema = merge_schema(&plan.inputs());
        if let LogicalPlan::TableScan(scan) = &plan {
            schema.merge(&DFSchema::try_from_qualified_schema(
                scan.table_name.clone(),
                &scan.source.schema(),
            )?);
        }
        // A projected comparison keeps the name that its text gave it.
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let expr = expr.transform_up(|expr| self.rewrite_expr(expr, &schema))?;
            Ok(expr.update_data(|expr| name.restore(expr)))
        })
    }

    fn rewrite_expr(&self, expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
        let is_bytes = |expr: &Expr| expr.get_type(schema).is_ok_and(|kind| holds_bytes(&kind));
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(op) => {
                let (left, right) = match (is_bytes(&left), is_bytes(&right)) {
                    (true, false) => (left, Box::new(self.to_bytes(*right, schema)?)),
                    (false, true) => (Box::new(self.to_bytes(*left, schema)?), right),
                    _ => (left, right),
                };
                Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })))
            }
            Expr::InList(InList { expr, list, negated })
                if is_bytes(&expr) || list.iter().any(is_bytes) =>
            {
                let expr = Box::new(self.to_bytes(*expr, schema)?);
                let list = list.into_iter().map(|item| self.to_bytes(item, schema));
                let list = list.collect::<Result<Vec<_>>>()?;
                Ok(Transformed::yes(Expr::InList(InList { expr, list, negated })))
            }
            Expr::Between(Between { expr, negated, low, high })
                if [&expr, &low, &high].into_iter().any(|expr| is_bytes(expr)) =>
            {
                Ok(Transformed::yes(Expr::Between(Between {
                    expr: Box::new(self.to_bytes(*expr, schema)?),
                    negated,
                    low: Box::new(self.to_bytes(*low, schema)?),
                    high: Box::new(self.to_bytes(*high, schema)?),
                })))
            }
            Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                let inner = subquery.subquery.schema().field(0).data_type();
                if is_bytes(&expr) && inner.is_string() {
                    return plan_err!(
                        "{expr} holds bytes and the subquery of IN gives text: select unhex(…) of it there"
                    );
                }
                let expr =
                    if holds_bytes(inner) { Box::new(self.to_bytes(*expr, schema)?) } else { expr };
                Ok(Transformed::yes(Expr::InSubquery(InSubquery { expr, subquery, negated })))
            }
            other => Ok(Transformed::no(other)),
        }
    }

    /// `expr`, read as hex if it is text.
    fn to_bytes(&self, expr: Expr, schema: &DFSchema) -> Result<Expr> {
        if let Expr::Literal(
            ScalarValue::Utf8(Some(text))
            | ScalarValue::LargeUtf8(Some(text))
            | ScalarValue::Utf8View(Some(text)),
            metadata,
        ) = &expr
        {
            return match unhex::decode(text) {
                Ok(bytes) => Ok(Expr::Literal(ScalarValue::Binary(Some(bytes)), metadata.clone())),
                Err(reason) => plan_err!("{reason}"),
            };
        }
        if expr.get_type(schema).is_ok_and(|kind| kind.is_string()) {
            return Ok(self.unhex.call(vec![expr]));
        }
        Ok(expr)
    }
}

impl AnalyzerRule for HexLiterals {
    fn name(&self) -> &str {
        "hex_literals"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(|plan| self.rewrite_plan(plan))?.data)
    }
}

fn holds_bytes(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_)
    )
}

fn compares(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}
