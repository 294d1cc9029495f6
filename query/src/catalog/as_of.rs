//! A plan as if the chain ended at an earlier height.

use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

/// The column that tells in every stored table which block a row is of.
const HEIGHT: &str = "height";

/// `plan` over the blocks up to `height`: of every stored table that it reads, the rows above are
/// left out.
///
/// Views are queries over stored tables, so what they answer then is what they answered when `height` was
/// the last one.
pub(crate) fn as_of(plan: LogicalPlan, height: &Expr) -> Result<LogicalPlan> {
    let cut = plan.transform_down_with_subqueries(|node| match node {
        LogicalPlan::TableScan(scan) => {
            let of_row = Expr::Column(Column::new(Some(scan.table_name.clone()), HEIGHT));
            let scan = LogicalPlanBuilder::from(LogicalPlan::TableScan(scan));
            let cut = scan.filter(of_row.lt_eq(height.clone()))?.build()?;
            Ok(Transformed::new(cut, true, TreeNodeRecursion::Jump))
        }
        node => Ok(Transformed::no(node)),
    })?;
    Ok(cut.data)
}
