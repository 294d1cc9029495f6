//! A read-only SQL session over a store.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use assay_model::Chain;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::object_store::{
    DefaultObjectStoreRegistry, ObjectStoreRegistry, ObjectStoreUrl,
};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::execution::{FunctionRegistry, SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::{AnalyzerRule, Optimizer, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::SessionConfig;
use futures::{Stream, StreamExt, stream};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::answers::{Answers, follows_from_snapshot};
use crate::catalog::names::{CATALOG, DEFAULT_SCHEMA, statement_state};
use crate::catalog::snapshot::Snapshot;
use crate::clickhouse::planner::ServerPlanner;
use crate::lake::derived;
use crate::lake::files::ReadOnlyStore;
use crate::lake::table::store_url;
use crate::memory::{Portion, SharedMemory};
use crate::reference::Reference;
use crate::rules::{HexLiterals, LargeJoins, SoundPlans, YieldingJoins};
use crate::statement::{self, Statement};
use crate::store::{Chains, Opened, Store};
use crate::{Extension, QueryError, Terms, described_tables, functions};

/// The memory that statements may hold together unless the options say otherwise: it leaves a
/// machine of 8 GiB room for the files that the system caches.
pub const DEFAULT_MEMORY_LIMIT_BYTES: usize = 4 << 30;
/// Disk that spilled data may take.
const SPILL_LIMIT_BYTES: u64 = 1 << 40;
/// Memory for the footers of Parquet files, so that the next statement need not read them again.
const FOOTER_CACHE_BYTES: usize = 256 << 20;
/// What part of the memory, at most, each sort reserves for merging.
const RESERVED_SHARE_OF_MEMORY: usize = 64;
/// Functions that make one value of any size from a few letters, past the memory limit. The table
/// functions `range` and `generate_series` stay: their rows come in batches.
const REFUSED_FUNCTIONS: [&str; 4] = ["array_repeat", "array_resize", "generate_series", "range"];
/// Stack of the thread that plans a statement: the passes of the engine recurse as deep as the
/// statement nests. Only what is touched takes memory.
const PLANNING_STACK_BYTES: usize = 256 << 20;

/// What a session needs to know.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// Where the rows are.
    pub store: Store,
    /// Whether there has to be a chain. What chains burn can be asked of the schema `reference` alone.
    pub needs_chain: bool,
    /// Memory that all running statements may hold together.
    pub memory_limit_bytes: usize,
    /// Where operators put what does not fit; the system's folder for temporary files if absent.
    pub spill_dir: Option<PathBuf>,
    /// What statements can name beyond the store.
    pub extension: Extension,
    /// Memory for answers, so that who asks the same of the same blocks need not wait; none are kept if it
    /// is 0.
    pub answers_bytes: usize,
}

impl Default for SessionOptions {
    fn default() -> SessionOptions {
        SessionOptions {
            store: Store::Lake(PathBuf::from("lake")),
            needs_chain: true,
            memory_limit_bytes: DEFAULT_MEMORY_LIMIT_BYTES,
            spill_dir: None,
            extension: Extension::default(),
            answers_bytes: 0,
        }
    }
}

/// A read-only SQL session. Cheap to share: statements run side by side within its memory limit.
pub struct Session {
    store: Opened,
    base: Arc<SessionState>,
    extension: Arc<Extension>,
    answers: Arc<Answers>,
}

/// What a statement asks for and answers with, before it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The columns of its rows.
    pub columns: SchemaRef,
    /// The parameters by their names, `$1` and so on, in order, with their types where these can be told.
    pub parameters: Vec<(String, Option<DataType>)>,
}

impl Session {
    /// Opens the store that `options` name.
    pub async fn open(options: SessionOptions) -> Result<Session, QueryError> {
        let runtime = runtime(&options)?;
        let store = Opened::open(options.store, options.needs_chain).await?;
        let mut builder = SessionStateBuilder::new_with_default_features()
            .with_config(config(options.memory_limit_bytes))
            .with_analyzer_rules(analyzer_rules())
            .with_physical_optimizer_rules(physical_rules(options.memory_limit_bytes));
        let register = |url: ObjectStoreUrl, dir: &Path| {
            runtime.register_object_store(url.as_ref(), Arc::new(ReadOnlyStore::new(dir)));
        };
        register(derived::store_url(), store.results());
        match &store.chains {
            Chains::Lake(lake) => {
                Chain::ALL.iter().for_each(|c| register(store_url(*c), &lake.chain_dir(*c)));
            }
            Chains::ClickHouse(_) => {
                builder = builder
                    .with_query_planner(Arc::new(ServerPlanner))
                    .with_optimizer_rules(server_rules());
            }
        }
        let mut base = builder.with_runtime_env(Arc::new(runtime)).build();
        let scalars = functions::of_no_lake().into_iter();
        for function in scalars.chain(functions::instead_of_the_engines()) {
            base.register_udf(Arc::new(function))?;
        }
        for function in functions::aggregates() {
            base.register_udaf(Arc::new(function))?;
        }
        for name in REFUSED_FUNCTIONS {
            base.deregister_udf(name)?;
        }
        let base = options.extension.extend(base)?;
        let answers = Arc::new(Answers::new(options.answers_bytes));
        let (base, extension) = (Arc::new(base), Arc::new(options.extension));
        Ok(Session { store, base, extension, answers })
    }

    /// The folder that holds what analyses compute.
    pub(crate) fn results(&self) -> &Path {
        self.store.results()
    }

    /// What figures rest on beside the chains, as it is now.
    pub(crate) async fn reference(&self) -> Result<Arc<Reference>, QueryError> {
        Ok(Arc::clone(&self.store.snapshot().await?.reference))
    }

    /// The statements of `sql`, which `;` separates; none if it is blank. A statement that would do
    /// more than read is refused here.
    pub fn statements(&self, sql: &str) -> Result<Vec<Statement>, QueryError> {
        statement::parse(sql)
    }

    /// Runs one statement against the store as it is now.
    ///
    /// The stream's errors convert into [`QueryError`], which words them for people.
    pub async fn run(&self, statement: Statement) -> Result<SendableRecordBatchStream, QueryError> {
        self.run_on(statement, Terms::default()).await
    }

    /// Runs one statement on `terms`.
    pub async fn run_on(
        &self,
        statement: Statement,
        terms: Terms,
    ) -> Result<SendableRecordBatchStream, QueryError> {
        let question = self.answers.question(&statement, &terms);
        let planning = self.planning(terms).await?;
        let snapshot = Arc::clone(&planning.snapshot);
        let before = question.as_ref().and_then(|asked| self.answers.find(&snapshot, asked));
        if let Some(answer) = before {
            return Ok(answer);
        }
        let (stream, is_repeatable) = on_large_stack(planning.start(statement)).await??;
        let schema = stream.schema();
        let stream = AssertUnwindSafe(stream).catch_unwind().map(|batch| {
            batch.unwrap_or_else(|panic| Err(QueryError::Engine(panic_message(&*panic)).into()))
        });
        // All rows are known by then: if none was taken back, all are of the snapshot.
        let stream = stream.chain(unless_changed(Arc::clone(&snapshot)));
        let stream = Box::pin(RecordBatchStreamAdapter::new(schema, stream));
        match question.filter(|_| is_repeatable) {
            Some(question) => Ok(self.answers.record(snapshot, question, stream)),
            None => Ok(stream),
        }
    }

    /// What `statement` asks for and answers with.
    pub async fn describe(
        &self,
        statement: Statement,
        terms: Terms,
    ) -> Result<Description, QueryError> {
        let planning = self.planning(terms).await?;
        on_large_stack(planning.describe(statement)).await?
    }

    async fn planning(&self, terms: Terms) -> Result<Planning, QueryError> {
        let snapshot = self.store.snapshot().await?;
        let (base, extension) = (Arc::clone(&self.base), Arc::clone(&self.extension));
        Ok(Planning { base, extension, snapshot, terms })
    }

    /// Runs `sql`, which must be exactly one statement.
    pub async fn query(&self, sql: &str) -> Result<SendableRecordBatchStream, QueryError> {
        let mut statements = self.statements(sql)?;
        let count = statements.len();
        match statements.pop() {
            Some(statement) if count == 1 => self.run(statement).await,
            _ => Err(QueryError::NotOne { count }),
        }
    }
}

/// What a statement is planned with.
struct Planning {
    base: Arc<SessionState>,
    extension: Arc<Extension>,
    snapshot: Arc<Snapshot>,
    terms: Terms,
}

impl Planning {
    /// Plans `statement` and starts to run it; says whether its rows follow from the snapshot alone.
    async fn start(
        self,
        statement: Statement,
    ) -> Result<(SendableRecordBatchStream, bool), QueryError> {
        let state = self.state()?;
        let mut plan = plan(&state, statement).await?;
        if let Some(parameters) = &self.terms.parameters {
            plan = plan.with_param_values(parameters.clone())?;
        }
        if needs_block_times(&plan)? {
            self.snapshot.load_times().await?;
        }
        let is_repeatable = follows_from_snapshot(&plan)?;
        let physical = state.create_physical_plan(&plan).await?;
        Ok((execute_stream(physical, self.task_context(&state))?, is_repeatable))
    }

    async fn describe(self, statement: Statement) -> Result<Description, QueryError> {
        let state = self.state()?;
        let mut plan = plan(&state, statement).await?;
        let mut parameters: Vec<_> = plan.get_parameter_types()?.into_iter().collect();
        // $2 before $10.
        parameters.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
        // A column may have its type from what a parameter stands for.
        if let Some(values) = &self.terms.parameters {
            plan = plan.with_param_values(values.clone())?;
        }
        Ok(Description { columns: Arc::clone(plan.schema().inner()), parameters })
    }

    fn state(&self) -> Result<SessionState, DataFusionError> {
        statement_state(&self.base, &self.snapshot, &self.extension, self.terms.access)
    }

    fn task_context(&self, state: &SessionState) -> Arc<TaskContext> {
        let Some(limit_bytes) = self.terms.memory_limit_bytes else { return state.task_ctx() };
        let mut runtime = RuntimeEnv::clone(state.runtime_env());
        runtime.memory_pool = Arc::new(Portion::new(runtime.memory_pool, limit_bytes));
        Arc::new(TaskContext::from(state).with_runtime(Arc::new(runtime)))
    }
}

/// The plan of `statement`, which only reads.
async fn plan(state: &SessionState, statement: Statement) -> Result<LogicalPlan, QueryError> {
    let plan = state.statement_to_plan(statement.0).await.map_err(name_the_tables)?;
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(&plan)
        .map_err(|_| QueryError::Refused { statement: "this statement".to_owned() })?;
    Ok(plan)
}

/// Runs `work` on a thread of its own with room for deep recursion.
///
/// Plans are made of foreign text by code that is not ours; where it panics, the statement has
/// failed, not the program.
async fn on_large_stack<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, QueryError> {
    let (sender, receiver) = oneshot::channel();
    let runtime = Handle::current();
    let thread = std::thread::Builder::new()
        .name("plan".to_owned())
        .stack_size(PLANNING_STACK_BYTES)
        .spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(|| runtime.block_on(work)));
            // Nobody waits any more if the statement was cancelled.
            let _ = sender.send(result);
        });
    thread.map_err(|error| QueryError::Engine(error.to_string()))?;
    match receiver.await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(panic)) => Err(QueryError::Engine(panic_message(&*panic))),
        Err(_) => Err(QueryError::Engine("planning ended without a result".to_owned())),
    }
}

/// No rows, or an error if those before are not those of `snapshot`.
fn unless_changed(snapshot: Arc<Snapshot>) -> impl Stream<Item = DataFusionResult<RecordBatch>> {
    stream::once(async move { snapshot.check_unchanged().await }).filter_map(|checked| async {
        checked.err().map(|error| Err(DataFusionError::from(error)))
    })
}

fn config(memory_limit_bytes: usize) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, DEFAULT_SCHEMA)
        .with_create_default_catalog_and_schema(false)
        // The catalog has its own.
        .with_information_schema(false);
    let options = config.options_mut();
    // Filters on a hash or an address keep few rows of many: the wide columns of the others are
    // then never decoded.
    options.execution.parquet.pushdown_filters = true;
    // One type of text: what users see is what the model says.
    options.sql_parser.map_string_types_to_utf8view = false;
    // Each sort reserves this for merging before its first row. The pool keeps memory free
    // for that, so little is needed, and in a small session the engine's default would take it all.
    options.execution.sort_spill_reservation_bytes = options
        .execution
        .sort_spill_reservation_bytes
        .min(memory_limit_bytes / RESERVED_SHARE_OF_MEMORY);
    options.execution.time_zone = Some("UTC".to_owned());
    config
}

fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    // Before the engine's, which would settle text against bytes in another way.
    let mut rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> = vec![Arc::new(HexLiterals::new())];
    rules.extend(datafusion::optimizer::Analyzer::new().rules);
    rules
}

fn server_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules = Optimizer::new().rules;
    // It makes two groupings of one that counts what differs, which a server does in half the time.
    rules.retain(|rule| rule.name() != "single_distinct_aggregation_to_group_by");
    rules
}

fn physical_rules(memory_limit_bytes: usize) -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    // Right after the engine has put the smaller side of each join first, and before it adds the
    // sorts that a merge join needs.
    let place = rules.iter().position(|rule| rule.name() == "join_selection");
    let place = place.expect("the engine chooses the sides of joins") + 1;
    rules.insert(place, Arc::new(LargeJoins::new(memory_limit_bytes)));
    let check = rules.iter_mut().find(|rule| rule.name() == SoundPlans::INSTEAD_OF);
    *check.expect("the engine checks its plans") = Arc::new(SoundPlans);
    // Last: the others look for joins where they are.
    rules.push(Arc::new(YieldingJoins));
    rules
}

fn runtime(options: &SessionOptions) -> Result<RuntimeEnv, QueryError> {
    let mode = match &options.spill_dir {
        Some(dir) => {
            let failed = |error: std::io::Error| QueryError::SpillDir {
                path: dir.clone(),
                reason: error.to_string(),
            };
            std::fs::create_dir_all(dir).map_err(failed)?;
            DiskManagerMode::Directories(vec![dir.clone()])
        }
        None => DiskManagerMode::OsTmpDirectory,
    };
    let disk = DiskManagerBuilder::default()
        .with_mode(mode)
        .with_max_temp_directory_size(SPILL_LIMIT_BYTES);
    // No store but the lake's: no statement can reach another file of the machine.
    let stores = DefaultObjectStoreRegistry::new();
    stores.deregister_store(ObjectStoreUrl::local_filesystem().as_ref())?;
    let builder = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(SharedMemory::new(options.memory_limit_bytes)))
        .with_disk_manager_builder(disk)
        .with_metadata_cache_limit(FOOTER_CACHE_BYTES)
        .with_object_store_registry(Arc::new(stores));
    Ok(builder.build()?)
}

/// Whether `plan` calls a function that needs the times of all blocks.
fn needs_block_times(plan: &LogicalPlan) -> Result<bool, DataFusionError> {
    let mut needs = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::ScalarFunction(call) = expr {
                    needs |= functions::needs_block_times(call.name());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(needs)
}

/// Adds to an error about an unknown table what there is instead.
fn name_the_tables(error: DataFusionError) -> QueryError {
    let error = QueryError::from(error);
    let text = error.to_string();
    let missing = text.strip_prefix("table '").and_then(|rest| rest.strip_suffix("' not found"));
    let Some((schema, name)) = missing
        .and_then(|name| name.strip_prefix(CATALOG)?.strip_prefix('.'))
        .and_then(|name| name.split_once('.'))
    else {
        return error;
    };
    let asked = if schema == DEFAULT_SCHEMA { name.to_owned() } else { format!("{schema}.{name}") };
    let tables = described_tables();
    let mut names: Vec<_> = tables.iter().filter(|table| table.name == name).collect();
    if names.is_empty() {
        names = tables.iter().filter(|table| table.schema == schema).collect();
    }
    let hint = if names.is_empty() {
        format!("there are the schemas {}", crate::described_schemas().join(", "))
    } else {
        let names: Vec<_> = names.into_iter().map(|table| table.full_name()).collect();
        format!("there is {}", names.join(", "))
    };
    QueryError::Sql(DataFusionError::Plan(format!("no table named '{asked}'; {hint}")))
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it panicked").lines().next().unwrap_or_default().to_owned()
}
