//! A disk in memory that fails, forgets and crashes, and a clock that runs as fast as is wanted.
//!
//! # Invariants
//!
//! * It keeps the contract of [`Disk`], and promises nothing beyond it.
//! * A process that ended cannot change anything any more, whatever still runs of it.

use std::any::Any;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use assay_fixtures::rng::Rng;
use assay_indexer::sink::lake::{Disk, NewFile};
use assay_model::lake::STAGING_DIR;
use bytes::Bytes;

use super::files::Files;
use super::turns::Turns;

/// A rule that is broken on purpose, to see that it is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// None is.
    Nothing,
    /// Names are not durable after `sync_dir`.
    ForgetNames,
    /// Files are not durable after `finish`.
    ForgetData,
    /// Time passes for the lake many times as fast as for its readers.
    HurryClock,
    /// Segments are never merged.
    SkipMerging,
}

/// What goes wrong on a disk while a process runs.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// The operation at which the process ends.
    pub death: Option<u64>,
    /// Operations that fail: the disk is full, or away for a while.
    pub outage: Range<u64>,
    /// How many of a thousand other operations fail.
    pub per_mille: u64,
}

/// The machine that processes run on: its disk and its clock.
pub struct Machine {
    state: Mutex<State>,
    /// Whose turn it is to use the disk.
    pub turns: Turns,
    sabotage: Sabotage,
    watcher: OnceLock<Watcher>,
}

/// Is shown the files whenever a name was moved or removed.
type Watcher = Box<dyn Fn(&Files, SystemTime) + Send + Sync>;

struct State {
    files: Files,
    rng: Rng,
    now: SystemTime,
    /// Number of the process that runs, and whether it does still.
    process: u64,
    is_alive: bool,
    has_lock: bool,
    faults: Faults,
    operations: u64,
    failures: u64,
}

/// How an operation goes.
#[derive(PartialEq, Eq)]
enum Outcome {
    Done,
    /// It fails, and nothing was done.
    Failed,
    /// It fails, but was done.
    DoneAndFailed,
}

impl Machine {
    /// A machine with an empty disk.
    pub fn new(seed: u64, sabotage: Sabotage) -> Arc<Machine> {
        let state = State {
            files: Files::default(),
            rng: Rng::new(seed),
            now: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
            process: 0,
            is_alive: false,
            has_lock: false,
            faults: Faults::default(),
            operations: 0,
            failures: 0,
        };
        let (state, turns, watcher) = (state.into(), Turns::default(), OnceLock::new());
        Arc::new(Machine { state, turns, sabotage, watcher })
    }

    /// Has `watcher` shown every change that readers may see.
    pub fn watch(&self, watcher: Watcher) {
        assert!(self.watcher.set(watcher).is_ok(), "one watches");
    }

    /// The disk as a new process sees it.
    pub fn start(self: &Arc<Machine>, faults: Faults) -> Arc<dyn Disk> {
        let mut state = self.state();
        state.process += 1;
        (state.is_alive, state.has_lock) = (true, false);
        state.faults = faults;
        (state.operations, state.failures) = (0, 0);
        Arc::new(MemoryDisk { machine: Arc::clone(self), process: state.process })
    }

    /// Ends the process that runs.
    pub fn kill(&self) {
        self.state().is_alive = false;
    }

    /// Takes the power away: what is not durable may be lost.
    pub fn lose_power(&self) {
        let mut state = self.state();
        state.is_alive = false;
        let State { files, rng, .. } = &mut *state;
        files.lose_power(rng);
    }

    /// Whether the process runs.
    pub fn is_alive(&self) -> bool {
        self.state().is_alive
    }

    /// How often the disk failed the process that runs.
    pub fn failures(&self) -> u64 {
        self.state().failures
    }

    /// How many operations the process that runs made.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Has the disk fail otherwise from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        self.state().now += time;
    }

    /// Shows the files.
    pub fn look<T>(&self, look: impl FnOnce(&Files, SystemTime) -> T) -> T {
        let state = self.state();
        look(&state.files, state.now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keeps_data(&self) -> bool {
        self.sabotage != Sabotage::ForgetData
    }
}

impl State {
    /// How the next operation goes.
    fn outcome(&mut self) -> Outcome {
        let number = self.operations;
        self.operations += 1;
        self.now += Duration::from_millis(1);
        if self.faults.death.is_some_and(|death| number >= death) {
            self.is_alive = false;
        } else if self.faults.outage.contains(&number) || self.rng.chance(self.faults.per_mille) {
            self.failures += 1;
        } else {
            return Outcome::Done;
        }
        if self.rng.chance(300) { Outcome::DoneAndFailed } else { Outcome::Failed }
    }
}

fn gone() -> io::Error {
    io::Error::other("the process has ended")
}

fn full() -> io::Error {
    ErrorKind::StorageFull.into()
}

/// The disk of a [`Machine`], as one process sees it.
struct MemoryDisk {
    machine: Arc<Machine>,
    process: u64,
}

impl fmt::Debug for MemoryDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryDisk({})", self.process)
    }
}

impl MemoryDisk {
    /// The state of the machine, if the process is alive.
    fn alive(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.machine.state();
        if state.is_alive && state.process == self.process { Ok(state) } else { Err(gone()) }
    }

    /// Does `work`, or fails.
    fn act<T>(&self, work: impl FnOnce(&mut Files, &mut Rng) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.alive()?;
        let outcome = state.outcome();
        if outcome == Outcome::Failed {
            return Err(full());
        }
        let State { files, rng, now, .. } = &mut *state;
        let moves = files.moves;
        let result = work(files, rng);
        if files.moves != moves
            && let Some(watcher) = self.machine.watcher.get()
        {
            watcher(files, *now);
        }
        if outcome == Outcome::DoneAndFailed { Err(full()) } else { result }
    }

    /// Lets others go on before something is done at `path` that needs no lock of the lake's.
    fn step(&self, path: &Path) {
        if path.components().any(|part| part.as_os_str() == STAGING_DIR) {
            self.machine.turns.step();
        }
    }
}

impl Disk for MemoryDisk {
    fn now(&self) -> SystemTime {
        let now = self.machine.state().now;
        match self.machine.sabotage {
            Sabotage::HurryClock => {
                let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
                UNIX_EPOCH + since * 8
            }
            _ => now,
        }
    }

    fn lock(&self, _: &Path) -> io::Result<Option<Box<dyn Any + Send + Sync>>> {
        let mut state = self.alive()?;
        if std::mem::replace(&mut state.has_lock, true) {
            return Ok(None);
        }
        Ok(Some(Box::new(Lock { machine: Arc::clone(&self.machine), process: self.process })))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.step(path);
        self.act(|files, _| files.create_dir(path))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        self.step(path);
        let inode = self.act(|files, _| files.create(path))?;
        let disk = MemoryDisk { machine: Arc::clone(&self.machine), process: self.process };
        Ok(Box::new(MemoryFile { disk, inode }))
    }

    fn read(&self, path: &Path) -> io::Result<Bytes> {
        self.machine.turns.step();
        self.act(|files, _| files.read(path))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.act(|files, _| files.list(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.act(|files, _| files.rename(from, to))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.step(path);
        let keeps = self.machine.sabotage != Sabotage::ForgetNames;
        self.act(|files, _| if keeps { files.sync_dir(path) } else { Ok(()) })
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.step(path);
        // One name after the other: the process may end, or fail, when some are gone.
        match self.act(|files, rng| files.remove_dir(path, rng.index(6))) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                self.act(|files, _| files.remove_dir(path, usize::MAX))
            }
            result => result,
        }
    }
}

/// Held by the one process that writes.
struct Lock {
    machine: Arc<Machine>,
    process: u64,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut state = self.machine.state();
        if state.process == self.process {
            state.has_lock = false;
        }
    }
}

/// A file being written.
struct MemoryFile {
    disk: MemoryDisk,
    inode: usize,
}

impl Write for MemoryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.disk.act(|files, _| files.write(self.inode, bytes));
        if result.is_err()
            && let Ok(mut state) = self.disk.alive()
        {
            let State { files, rng, .. } = &mut *state;
            files.write(self.inode, &bytes[..rng.index(bytes.len() + 1)])?;
        }
        result.map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl NewFile for MemoryFile {
    fn finish(self: Box<Self>) -> io::Result<u64> {
        let keeps = self.disk.machine.keeps_data();
        self.disk.act(|files, _| files.finish(self.inode, keeps))
    }
}
