//! `balances_at(asset, at)`: who held what at a height or at a moment.

use std::sync::Arc;

use assay_model::Chain;
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{
    DFSchema, Result, ScalarValue, internal_err, plan_datafusion_err, plan_err,
};
use datafusion::datasource::ViewTable;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, ExprSchemable, lit};
use futures::FutureExt;

use super::{Bound, DescribedFunction, FunctionKind, block_height};
use crate::Asset;
use crate::catalog::as_of::as_of;

pub(super) const NAME: &str = "balances_at";
const SYNTAX: &str = "balances_at(asset, at)";

pub(super) fn described() -> DescribedFunction {
    DescribedFunction {
        name: NAME.to_owned(),
        kind: FunctionKind::Table,
        syntax: SYNTAX.to_owned(),
        doc: "What each address held of an asset when a block was the last one: the columns of bitcoin.balances, ethereum.balances or ethereum.token_balances.".to_owned(),
        arguments: vec![
            ("asset".to_owned(), "'bitcoin', 'ethereum', or the address of a token's contract.".to_owned()),
            ("at".to_owned(), "A height, or a moment, for which block_height says the height.".to_owned()),
        ],
        example: Some("select gini(balance) from balances_at('bitcoin', timestamp '2012-01-01 00:00:00')".to_owned()),
    }
}

/// The query of the balances of `asset` as of the last block.
fn sql(asset: &Asset) -> String {
    match asset {
        Asset::Coin(chain) => format!("select * from {chain}.balances"),
        Asset::Token(token) => {
            format!("select * from ethereum.token_balances where token = '{token}'")
        }
    }
}

/// The function.
#[derive(Debug)]
pub(super) struct BalancesAt {
    snapshot: Bound,
}

impl BalancesAt {
    pub(super) fn new(snapshot: Bound) -> BalancesAt {
        BalancesAt { snapshot }
    }

    /// The last height that counts.
    fn height(&self, chain: Chain, at: &Expr, state: &SessionState) -> Result<Expr> {
        let kind = at.get_type(&DFSchema::empty())?;
        if !kind.is_integer() {
            let block_height = state.scalar_functions().get(block_height::NAME);
            let block_height = block_height.expect("it is registered for every statement");
            return Ok(block_height.call(vec![lit(chain.name()), at.clone()]));
        }
        let snapshot = self.snapshot.0.chain(chain);
        let (Expr::Literal(ScalarValue::Int64(Some(height)), _), Some(snapshot)) = (at, snapshot)
        else {
            return Ok(at.clone());
        };
        let end = snapshot.end() as i64;
        if *height >= end {
            return plan_err!("{chain} is indexed up to height {}, not {height}", end - 1);
        }
        Ok(at.clone())
    }
}

impl TableFunctionImpl for BalancesAt {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let [Expr::Literal(asset, _), at] = args.exprs() else {
            return plan_err!("use it as {SYNTAX}, with a constant for the asset");
        };
        let asset = asset.try_as_str().flatten();
        let asset = asset.ok_or_else(|| plan_datafusion_err!("{SYNTAX}: the asset is a name"))?;
        let asset = Asset::named(asset)?;
        let Some(state) = args.session().as_any().downcast_ref::<SessionState>() else {
            return internal_err!("a session without a state");
        };
        // Nothing is waited for: the views are over stored tables, which the catalog names at once.
        let Some(balances) = state.create_logical_plan(&sql(&asset)).now_or_never() else {
            return internal_err!("the catalog waits for something");
        };
        let height = self.height(asset.chain(), at, state)?;
        Ok(Arc::new(ViewTable::new(as_of(balances?, &height)?, None)))
    }
}
