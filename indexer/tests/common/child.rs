//! A run in a process of its own, which may be killed: the test program started once more, to do
//! nothing but the test called `child`.
#![allow(dead_code, reason = "each test file uses its part")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use assay_indexer::progress::{Progress, Unit};
use assay_indexer::stop::Stop;
use assay_model::lake::{SEGMENT_FILE, STAGING_DIR};

use crate::lake::{Lake, Run};

const BLOCKS: &str = "ASSAY_CHILD_BLOCKS";
const LAKE: &str = "ASSAY_CHILD_LAKE";
const DEATH: &str = "ASSAY_CHILD_DEATH";
const IGNORE_UNDO: &str = "ASSAY_CHILD_IGNORE_UNDO";

/// What ends a child before it is done.
#[derive(Clone, Copy, Debug)]
pub enum Death {
    /// Nothing.
    None,
    /// It aborts when it is told of progress for this time.
    AtCallback(u64),
    /// It aborts while a segment is about to appear, this many looks after its last file did.
    AtPublish(u64),
    /// It is killed after this time, whatever it does.
    After(Duration),
    /// The system kills it when a file grows beyond this many units of `ulimit -f`.
    AtFileSize(u64),
    /// The system refuses to let a file grow beyond this many units, as it does on a full disk.
    FullDisk(u64),
}

/// Runs a child that indexes `blocks` into `lake`.
pub fn index(blocks: &Path, lake: &Lake, ignore_undo: bool, death: Death) -> Output {
    let program = std::env::current_exe().expect("the test program");
    let mut command = match death {
        Death::AtFileSize(units) => limited(&format!("ulimit -f {units}"), &program),
        Death::FullDisk(units) => limited(&format!("trap '' XFSZ; ulimit -f {units}"), &program),
        _ => Command::new(&program),
    };
    let when = match death {
        Death::AtCallback(count) => format!("callback {count}"),
        Death::AtPublish(looks) => format!("publish {looks}"),
        _ => String::new(),
    };
    let mut child = command
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(BLOCKS, blocks)
        .env(LAKE, lake.path())
        .env(DEATH, when)
        .env(IGNORE_UNDO, if ignore_undo { "1" } else { "" })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the test program starts");
    if let Death::After(time) = death {
        std::thread::sleep(time);
        // It may have ended by itself.
        let _ = child.kill();
    }
    child.wait_with_output().expect("it has ended")
}

/// `program` under a limit that a shell sets.
fn limited(limit: &str, program: &Path) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{limit}; exec \"$0\" \"$@\"")).arg(program);
    command
}

/// What the test called `child` does: nothing, unless this process is one.
pub fn run() {
    let Some(blocks) = std::env::var_os(BLOCKS) else { return };
    let text = |name| std::env::var(name).expect("set with the others");
    let lake = Lake::at(Path::new(&text(LAKE)));
    let death = text(DEATH);
    let (kind, count) = death.split_once(' ').unwrap_or(("", "0"));
    let count: u64 = count.parse().expect("a number");
    let callbacks = AtomicU64::new(if kind == "callback" { count } else { u64::MAX });
    if kind == "publish" {
        let file = lake.chain_dir().join(STAGING_DIR).join("segment").join(SEGMENT_FILE);
        std::thread::spawn(move || abort_at(&file, count));
    }
    let run = Run { ignore_undo: !text(IGNORE_UNDO).is_empty(), ..Run::default() };
    let progress = Arc::new(Fuse(callbacks));
    let result = lake.index_with(&PathBuf::from(blocks), &run, progress, Stop::never());
    if let Err(error) = result {
        println!("error: {error}");
        std::process::exit(3);
    }
}

/// Aborts some looks after `file` appeared, as fast as this thread can look.
fn abort_at(file: &Path, looks: u64) {
    while !file.exists() {
        std::hint::spin_loop();
    }
    for _ in 0..looks {
        std::hint::black_box(file.exists());
    }
    std::process::abort();
}

/// Aborts the process at the last of a number of calls.
struct Fuse(AtomicU64);

impl Fuse {
    fn burn(&self) {
        if self.0.fetch_sub(1, Ordering::Relaxed) <= 1 {
            std::process::abort();
        }
    }
}

impl Progress for Fuse {
    fn begin(&self, _: &str, _: u64, _: Unit) {
        self.burn();
    }
    fn advance(&self, _: u64) {
        self.burn();
    }
    fn note(&self, _: &str) {
        self.burn();
    }
    fn end(&self) {
        self.burn();
    }
    fn trouble(&self, _: &dyn Error, _: Duration) {
        self.burn();
    }
    fn committed(&self, _: u64, _: u64, _: u64) {
        self.burn();
    }
}
