//! `energy([chain,] parameter => number, …)`: what a chain would burn if parameters were otherwise.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use assay_model::Chain;
use assay_model::derived::ENERGY_DAILY;
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, ScalarValue, internal_err, plan_err};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_plan::{ExecutionPlan, collect};
use futures::FutureExt;

use super::{Bound, DescribedFunction, FunctionKind, chain_named};
use crate::analyses::energy::{INTERVAL, KEPT, scenario};
use crate::store::blocking;

pub(super) const NAME: &str = "energy";
const SYNTAX: &str = "energy([chain,] parameter => number, …)";
/// The argument that is no parameter.
const CHAIN: &str = "chain";

pub(super) fn described() -> DescribedFunction {
    DescribedFunction {
        name: NAME.to_owned(),
        kind: FunctionKind::Table,
        syntax: SYNTAX.to_owned(),
        doc: "What a chain would have burnt on each day if parameters were otherwise: the columns of analytics.energy_daily, computed from the days that are kept there.".to_owned(),
        arguments: vec![
            (CHAIN.to_owned(), "'bitcoin', which it is if absent, or 'ethereum'.".to_owned()),
            ("parameter".to_owned(), "Any of reference.energy_parameters, such as price_usd_per_kwh or pue; it then is the same for the best guess and both bounds.".to_owned()),
        ],
        example: Some("select max(annual_twh) from energy(price_usd_per_kwh => 0.07, pue => 1.2) where method like 'hardware%'".to_owned()),
    }
}

/// The function.
#[derive(Debug)]
pub(super) struct EnergyOf {
    snapshot: Bound,
}

impl EnergyOf {
    pub(super) fn new(snapshot: Bound) -> EnergyOf {
        EnergyOf { snapshot }
    }
}

impl TableFunctionImpl for EnergyOf {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let (chain, changes) = arguments(args.exprs())?;
        let Some(state) = args.session().as_any().downcast_ref::<SessionState>() else {
            return internal_err!("a session without a state");
        };
        // Of the days that are kept; each method keeps the same, but not all of them.
        let sql = format!(
            "select {KEPT} from analytics.energy_daily where chain = '{chain}' and method like 'hardware/%' order by day"
        );
        // Nothing is waited for: the catalog names tables at once.
        let Some(kept) = state.create_logical_plan(&sql).now_or_never() else {
            return internal_err!("the catalog waits for something");
        };
        Ok(Arc::new(Scenario { snapshot: self.snapshot.clone(), chain, changes, kept: kept? }))
    }
}

/// The chain and the changes of parameters: a chain, if the number of arguments is odd, and pairs of a name and
/// a number.
fn arguments(all: &[Expr]) -> Result<(Chain, Vec<(String, f64)>)> {
    let mut chain = Chain::Bitcoin;
    let pairs = match all {
        [first, rest @ ..] if all.len() % 2 == 1 => {
            chain = chain_named(text(first)?)?;
            rest
        }
        all => all,
    };
    let mut changes = Vec::new();
    for pair in pairs.chunks_exact(2) {
        match text(&pair[0])? {
            CHAIN => chain = chain_named(text(&pair[1])?)?,
            name => changes.push((name.to_owned(), number(name, &pair[1])?)),
        }
    }
    Ok((chain, changes))
}

fn text(argument: &Expr) -> Result<&str> {
    match argument {
        Expr::Literal(value, _) if value.try_as_str().flatten().is_some() => {
            Ok(value.try_as_str().flatten().unwrap_or_default())
        }
        other => plan_err!("use it as {SYNTAX}: {other} is no name"),
    }
}

fn number(name: &str, argument: &Expr) -> Result<f64> {
    let value = match argument {
        Expr::Literal(value, _) => value.cast_to(&arrow::datatypes::DataType::Float64).ok(),
        _ => None,
    };
    match value {
        Some(ScalarValue::Float64(Some(number))) => Ok(number),
        _ => plan_err!("{name} is {argument}: it is to be a number"),
    }
}

/// The rows of a call.
#[derive(Debug)]
struct Scenario {
    snapshot: Bound,
    chain: Chain,
    changes: Vec<(String, f64)>,
    kept: LogicalPlan,
}

#[async_trait]
impl TableProvider for Scenario {
    fn schema(&self) -> SchemaRef {
        ENERGY_DAILY.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = state.create_physical_plan(&self.kept).await?;
        let kept = collect(plan, state.task_ctx()).await?;
        let (snapshot, chain) = (self.snapshot.clone(), self.chain);
        let changes = self.changes.clone();
        let is_interval = |place: &usize| INTERVAL.contains(&ENERGY_DAILY.columns[*place].name);
        let has_interval = projection.is_none_or(|places| places.iter().any(is_interval));
        let rows = move || scenario(&snapshot.0.reference, chain, &changes, &kept, has_interval);
        let rows = blocking(rows).await?;
        let table = MemTable::try_new(rows.schema(), vec![vec![rows]])?;
        table.scan(state, projection, filters, limit).await
    }
}
