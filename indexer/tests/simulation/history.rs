//! One history: processes that follow the node and end in every way, one after the other, and then
//! the proof that nothing of it is left.
//!
//! # Invariants
//!
//! * A seed is a history: all that happens in it follows from the seed.
//! * Whatever happened, the lake equals that of one run over the chain that the node has in the end.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use assay_fixtures::rng::Rng;
use assay_indexer::decode::bitcoin::Decoder;
use assay_indexer::pipeline::{Complete, Options, Pause, Pipeline, PipelineError, Summary};
use assay_indexer::progress::Silent;
use assay_indexer::raw::bitcoin::RawBlock;
use assay_indexer::sink::lake::LakeSink;
use assay_indexer::sink::{Cuts, SinkError};
use assay_indexer::stop::{Stop, Stopper, stop};
use assay_model::{BlockRef, Network};
use async_trait::async_trait;
use tokio::runtime::{Builder, Handle};

use super::disk::{Faults, Machine, Sabotage};
use super::gate::Gate;
use super::reader::{Reader, SegmentFiles};
use super::sink::SimulatedSink;
use super::source::{Chain, Habits, MOST_REORGANISED, Node};
use crate::lake::{text, wanted};

/// Where the lake is.
const LAKE_DIR: &str = "/data/lake";
/// How often a pipeline is polled until it counts as one that never ends.
const MOST_POLLS: u64 = 50_000;
/// Failures of the disk in a row that following it bears.
const BORNE_FAILURES: u64 = 10;
/// A limit of reorganisations that none reaches.
pub const NO_LIMIT: u64 = 100_000;

/// What happened, added up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Processes that ran.
    pub processes: u64,
    /// Blocks at the end.
    pub blocks: u64,
    /// Reorganisations on record at the end.
    pub reorgs: u64,
    /// The most blocks that one of them took back.
    pub deepest: u64,
    /// How often the power failed.
    pub losses: u64,
    /// Processes that stopped because a reorganisation was too deep.
    pub too_deep: u64,
    /// How often the disk failed.
    pub failures: u64,
}

impl Figures {
    /// Both together.
    pub fn add(&mut self, other: Figures) {
        self.processes += other.processes;
        self.blocks += other.blocks;
        self.reorgs += other.reorgs;
        self.deepest = self.deepest.max(other.deepest);
        self.losses += other.losses;
        self.too_deep += other.too_deep;
        self.failures += other.failures;
    }
}

/// The history that `seed` is, with a rule broken by `sabotage`; the lake does its work on `workers`.
///
/// # Errors
///
/// What was wrong first.
pub fn run(seed: u64, sabotage: Sabotage, workers: &Handle) -> Result<Figures, String> {
    let mut history = History::new(seed, sabotage, workers);
    let processes = history.rng.range(1, 5);
    for _ in 0..processes {
        history.live()?;
        history.check_reader()?;
    }
    history.settle()?;
    Ok(history.figures)
}

/// A node, a lake that follows it, and those who look on.
pub struct History<'a> {
    rng: Rng,
    sabotage: Sabotage,
    cuts: Cuts,
    workers: &'a Handle,
    /// Where processes run.
    pub machine: Arc<Machine>,
    /// The node.
    pub node: Arc<Node>,
    reader: Arc<Mutex<Reader>>,
    /// The most blocks that the next process may take back.
    pub max_reorg: u64,
    tells_finality: bool,
    /// How long the node's chain gets, nearly.
    length: u64,
    figures: Figures,
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// It goes up to the tip.
    Run,
    /// It stays there.
    Follow,
}

/// The pipeline from the node into the lake.
pub type ToLake = Pipeline<Node, Noticed, Decoder, SimulatedSink>;

impl<'a> History<'a> {
    fn new(seed: u64, sabotage: Sabotage, workers: &'a Handle) -> History<'a> {
        let mut rng = Rng::new(seed);
        let habits = Habits::any(&mut rng);
        let (tells_finality, length) = (habits.tells_finality, habits.length);
        let blocks = rng.range(1, length) as usize;
        let node = Node::new(rng.bits(), habits, blocks);
        let batch_bytes = rng.range(600, 4000);
        let cuts = Cuts { batch_bytes, segment_bytes: batch_bytes * rng.range(1, 6) + 2000 };
        let history = History::of(rng.bits(), node, cuts, workers);
        let machine = Machine::new(rng.bits(), sabotage);
        History { rng, sabotage, machine, tells_finality, length, ..history }.watched()
    }

    /// A lake that is to follow `node`.
    pub fn of(seed: u64, node: Node, cuts: Cuts, workers: &'a Handle) -> History<'a> {
        let node = Arc::new(node);
        let reader = Reader::new(Path::new(LAKE_DIR), Arc::clone(&node), seed);
        let history = History {
            rng: Rng::new(seed),
            sabotage: Sabotage::Nothing,
            cuts,
            workers,
            machine: Machine::new(seed, Sabotage::Nothing),
            node,
            reader: Arc::new(reader.into()),
            max_reorg: NO_LIMIT,
            tells_finality: false,
            length: 0,
            figures: Figures::default(),
        };
        history.watched()
    }

    /// Shows the reader all that happens.
    fn watched(self) -> History<'a> {
        let reader = Arc::clone(&self.reader);
        self.machine.watch(Box::new(move |files, now| lock(&reader).look(files, now)));
        self
    }

    /// A process runs, and ends.
    fn live(&mut self) -> Result<(), String> {
        self.figures.processes += 1;
        let Self { tells_finality, length, .. } = *self;
        let habits = Habits { tells_finality, length, ..Habits::any(&mut self.rng) };
        self.node.set_habits(habits);
        self.node.begin();
        self.max_reorg = [5, 30, MOST_REORGANISED, NO_LIMIT][self.rng.index(4)];
        let (stopper, stop) = stop();
        let faults = self.faults();
        let result = match self.open_until(faults, stop) {
            Ok(pipeline) => self.work_somehow(&pipeline, &stopper),
            Err(error) => self.judge_sink(&error, 1),
        };
        self.machine.kill();
        self.figures.failures += self.machine.failures();
        if self.rng.chance(500) {
            self.lose_power();
        }
        result
    }

    /// The machine loses its power.
    pub fn lose_power(&mut self) {
        self.figures.losses += 1;
        self.machine.lose_power();
        self.machine.look(|files, now| lock(&self.reader).look_after_loss(files, now));
    }

    fn faults(&mut self) -> Faults {
        let rng = &mut self.rng;
        let death = rng.chance(400).then(|| rng.below(600));
        let start = rng.below(600);
        let outage = if rng.chance(300) { start..start + rng.below(40) } else { 0..0 };
        let per_mille = if rng.chance(250) { rng.range(1, 30) } else { 0 };
        Faults { death, outage, per_mille }
    }

    fn work_somehow(&mut self, pipeline: &ToLake, stopper: &Stopper) -> Result<(), String> {
        let most = if self.rng.chance(125) { 10 } else { 6 };
        let poll = 1 << self.rng.below(most);
        let poll = self.rng.range(poll, poll * 2);
        let is_stopped = self.rng.chance(300);
        let work = if self.rng.chance(200) { Work::Run } else { Work::Follow };
        let mut polls = 0;
        let result = self.drive(pipeline, work, |history| {
            polls += 1;
            history.let_time_pass();
            history.compact_sometimes(&pipeline.sink)?;
            if polls == poll && is_stopped {
                stopper.stop();
            }
            Ok((is_stopped || polls < poll) && history.machine.is_alive())
        });
        match result? {
            Some(Err(error)) => self.judge(&error, work),
            _ => Ok(()),
        }
    }

    /// A process does `work` on a disk with `faults`, and is killed at its last poll at the latest:
    /// then there is no result.
    pub fn work(
        &mut self,
        faults: Faults,
        work: Work,
        last_poll: u64,
    ) -> Result<Option<Result<Summary, PipelineError>>, SinkError> {
        let pipeline = self.open(faults)?;
        let mut polls = 0;
        let result = self.drive(&pipeline, work, |history| {
            polls += 1;
            Ok(polls < last_poll && history.machine.is_alive())
        });
        Ok(result.unwrap_or_else(|fault| panic!("{fault}")))
    }

    /// The pipeline of a new process from the node into the lake, on a disk with `faults`.
    pub fn open(&mut self, faults: Faults) -> Result<ToLake, SinkError> {
        self.open_until(faults, Stop::never())
    }

    fn open_until(&mut self, faults: Faults, stop: Stop) -> Result<ToLake, SinkError> {
        let disk = self.machine.start(faults);
        let wanted = wanted(Network::Regtest, true);
        let lake = LakeSink::open_on(disk, Path::new(LAKE_DIR), &wanted, self.cuts)?;
        lock(&self.reader).promise();
        let (machine, reader) = (Arc::clone(&self.machine), Arc::clone(&self.reader));
        let (seed, workers) = (self.rng.bits(), self.workers.clone());
        let sink = SimulatedSink::new(lake, machine, reader, self.sabotage, seed, workers);
        let pause = Pause { first: Duration::ZERO, longest: Duration::ZERO };
        let threads = self.rng.range(1, 4) as usize;
        Ok(Pipeline {
            source: Arc::clone(&self.node),
            completer: Arc::new(Noticed::default().into()),
            decoder: Decoder { network: Network::Regtest, with_scripts: true },
            sink: Arc::new(sink),
            options: Options { max_reorg: self.max_reorg, pause, ..Options::new(threads) },
            progress: Arc::new(Silent),
            stop,
        })
    }

    /// Does `work` until it is done, or `between` its polls it is said not to go on: then there is no
    /// result. The process is over then.
    fn drive(
        &mut self,
        pipeline: &ToLake,
        work: Work,
        mut between: impl FnMut(&mut History<'_>) -> Result<bool, String>,
    ) -> Result<Option<Result<Summary, PipelineError>>, String> {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .max_blocking_threads(1)
            .build()
            .map_err(|error| error.to_string())?;
        let noticed = lock_now(&pipeline.completer);
        let mut gate = Gate::close(runtime.handle());
        let mut future: Pin<Box<dyn Future<Output = _>>> = match work {
            Work::Run => Box::pin(pipeline.run()),
            Work::Follow => Box::pin(pipeline.follow()),
        };
        let mut polls = 0;
        let result = runtime.block_on(std::future::poll_fn(|context| {
            polls += 1;
            match between(self) {
                Ok(true) if polls < MOST_POLLS => {}
                Ok(true) => return Poll::Ready(Err("it never ends".to_owned())),
                Ok(false) => return Poll::Ready(Ok(None)),
                Err(fault) => return Poll::Ready(Err(fault)),
            }
            pipeline.sink.take_turns();
            let poll = future.as_mut().poll(context);
            if noticed.0.swap(false, Ordering::Relaxed) {
                gate.pass();
            }
            context.waker().wake_by_ref();
            poll.map(|result| Ok(Some(result)))
        }));
        if !matches!(result, Ok(Some(_))) {
            self.machine.kill();
        }
        pipeline.sink.end_merging();
        result
    }

    fn let_time_pass(&mut self) {
        let time = if self.rng.chance(20) { self.rng.below(2700) } else { self.rng.below(5) };
        self.machine.pass(Duration::from_secs(time));
    }

    fn compact_sometimes(&mut self, sink: &SimulatedSink) -> Result<(), String> {
        if !self.rng.chance(10) || self.machine.turns.is_merging() || !self.machine.is_alive() {
            return Ok(());
        }
        let most = self.rng.range(1, 6) as usize;
        sink.compact_now(most).or_else(|error| self.judge_sink(&error, 1))
    }

    /// Whether a process may end with `error`.
    fn judge(&mut self, error: &PipelineError, work: Work) -> Result<(), String> {
        let is_fair = match error {
            PipelineError::Sink(error) => {
                return self.judge_sink(error, if work == Work::Run { 1 } else { BORNE_FAILURES });
            }
            PipelineError::Source(error) if !error.is_passing() => self.node.has_failed_for_good(),
            PipelineError::Source(_) | PipelineError::ChainChanged { .. } => work == Work::Run,
            PipelineError::TooDeep { stored, .. } => {
                self.figures.too_deep += 1;
                self.is_too_deep(stored)
            }
            _ => false,
        };
        if is_fair { Ok(()) } else { Err(format!("it ended: {error} ({error:?})")) }
    }

    /// Whether the node took back more blocks than it may below `stored`, which is still there.
    fn is_too_deep(&self, stored: &BlockRef) -> bool {
        let reader = lock(&self.reader);
        let blocks = &reader.visible().blocks;
        let common =
            stored.height.checked_sub(self.max_reorg).and_then(|at| blocks.get(at as usize));
        blocks.last() == Some(stored) && common.is_some_and(|block| self.node.contradicted(block))
    }

    /// Whether the disk failed so often that the lake may end with `error`.
    fn judge_sink(&self, error: &SinkError, failures: u64) -> Result<(), String> {
        let is_disk = matches!(error, SinkError::Io { .. } | SinkError::Parquet { .. });
        if is_disk && (!self.machine.is_alive() || self.machine.failures() >= failures) {
            return Ok(());
        }
        let failures = self.machine.failures();
        Err(format!("after {failures} failures of the disk: {error} ({error:?})"))
    }

    /// How many blocks are visible.
    pub fn visible_blocks(&self) -> usize {
        lock(&self.reader).visible().blocks.len()
    }

    /// Puts another node in the place of the one that is followed.
    pub fn replace_node(&mut self, node: Node) {
        self.node = Arc::new(node);
        lock(&self.reader).replace_node(Arc::clone(&self.node));
    }

    /// A run without trouble, up to the block at height `last`.
    pub fn index_up_to(&mut self, last: u64) {
        let mut pipeline = self.open(Faults::default()).expect("an undamaged lake");
        pipeline.options.last = Some(last);
        let result = self.drive(&pipeline, Work::Run, |_| Ok(true)).expect("the run ends");
        result.expect("nobody kills it").expect("the chain is valid");
    }

    /// What the reader found wrong.
    pub fn check_reader(&self) -> Result<(), String> {
        lock(&self.reader).fault().map_or(Ok(()), Err)
    }

    /// Lets all trouble end, and compares the lake with that of one run.
    fn settle(&mut self) -> Result<(), String> {
        let height = lock(&self.reader).visible().blocks.len();
        let chain = self.node.settle(height as u64);
        let files = self.index_calmly(&chain)?;
        self.check_reader()?;
        let visible = lock(&self.reader).visible().clone();
        self.figures.blocks = visible.blocks.len() as u64;
        self.figures.reorgs = visible.reorgs.len() as u64;
        let depths = visible.reorgs.iter().map(|reorg| reorg.replaced.len() as u64);
        self.figures.deepest = depths.max().unwrap_or(0);
        let node = Node::on(0, chain.clone(), 0);
        let mut clean = History::of(0, node, self.cuts, self.workers);
        if clean.index_calmly(&chain)? == files {
            Ok(())
        } else {
            Err("the files are not those of one run".to_owned())
        }
    }

    /// Indexes `chain`, which the node has, to its end, and merges segments; returns their files.
    fn index_calmly(&mut self, chain: &Chain) -> Result<Vec<(String, SegmentFiles)>, String> {
        self.max_reorg = NO_LIMIT;
        let pipeline = self.open(Faults::default()).map_err(text)?;
        let result = self.drive(&pipeline, Work::Run, |_| Ok(true))?;
        result.ok_or("it was killed")?.map_err(text)?;
        pipeline.sink.compact_now(1).map_err(text)?;
        let reader = lock(&self.reader);
        let blocks = chain.iter().map(|raw| raw.block);
        if !reader.visible().blocks.iter().copied().eq(blocks) {
            return Err(format!("not the node's chain is visible; {:?}", reader.fault()));
        }
        self.machine.look(|files, _| reader.all_files(files))
    }
}

/// Notices that blocks are on their way to be decoded.
#[derive(Clone, Default)]
pub struct Noticed(Arc<AtomicBool>);

#[async_trait]
impl Complete<RawBlock> for Noticed {
    async fn complete(&mut self, _: &mut Vec<RawBlock>, _: u64) -> Result<(), PipelineError> {
        self.0.store(true, Ordering::Relaxed);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lock_now<T: Clone>(mutex: &tokio::sync::Mutex<T>) -> T {
    mutex.try_lock().expect("nothing runs yet").clone()
}
