//! Progress bars on stderr, for whoever is watching a terminal.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use assay_indexer::progress::{Progress, Unit};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::exit;

/// How much is said on stderr besides errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// Progress bars and remarks, where stderr is a terminal.
    Normal,
    /// Log lines in the place of bars and remarks; the number says how many.
    Logs(u8),
}

/// Whether stderr is a terminal.
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}

impl Verbosity {
    /// Whether progress bars and remarks are shown.
    pub fn shows_progress(self) -> bool {
        self == Verbosity::Normal && is_watched()
    }

    /// Says something.
    pub fn remark(self, text: impl Display) {
        match self {
            Verbosity::Quiet => {}
            Verbosity::Normal => eprintln!("{text}"),
            Verbosity::Logs(_) => tracing::info!("{text}"),
        }
    }

    /// Says that something is not as it should be.
    pub fn warn(self, text: impl Display) {
        match self {
            Verbosity::Quiet => {}
            Verbosity::Normal => eprintln!("assay: warning: {text}"),
            Verbosity::Logs(_) => tracing::warn!("{text}"),
        }
    }

    /// A bar over `total` units that `unit` names; hidden where nobody watches.
    pub fn bar(self, what: &'static str, total: u64, unit: &str) -> ProgressBar {
        if !self.shows_progress() {
            return ProgressBar::hidden();
        }
        let template = format!(
            "{{msg}} [{{bar:30}}] {{percent}} % of {{len}} {unit}, {{per_sec}}, {{eta}} left"
        );
        let style = ProgressStyle::with_template(&template).expect("the template is a constant");
        let target = ProgressDrawTarget::stderr_with_hz(4);
        ProgressBar::with_draw_target(Some(total), target)
            .with_style(style.progress_chars("=> "))
            .with_message(what)
    }

    /// A count of rows that nobody knows the total of; hidden where nobody watches.
    pub fn spinner(self, what: String) -> ProgressBar {
        if !self.shows_progress() {
            return ProgressBar::hidden();
        }
        let style =
            ProgressStyle::with_template("{msg} {spinner} {pos} rows, {per_sec}, {elapsed}");
        let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4))
            .with_style(style.expect("the template is a constant"))
            .with_message(what);
        spinner.enable_steady_tick(Duration::from_millis(250));
        spinner
    }

    /// A bar over `total` bytes; the message beside it changes.
    fn byte_bar(self, what: &'static str, total: u64) -> ProgressBar {
        if !self.shows_progress() {
            return ProgressBar::hidden();
        }
        let template = "{prefix} [{bar:30}] {percent} % of {decimal_total_bytes}, \
                        {decimal_bytes_per_sec}, {eta} left  {msg}";
        let style = ProgressStyle::with_template(template).expect("the template is a constant");
        let target = ProgressDrawTarget::stderr_with_hz(4);
        ProgressBar::with_draw_target(Some(total), target)
            .with_style(style.progress_chars("=> "))
            .with_prefix(what)
    }
}

/// The bars of `assay index`, one for each step.
pub struct IndexBars {
    verbosity: Verbosity,
    step: Mutex<Step>,
}

/// The step under way.
struct Step {
    bar: ProgressBar,
    started: Instant,
    blocks: u64,
}

impl IndexBars {
    /// Bars that are shown as far as `verbosity` allows.
    pub fn new(verbosity: Verbosity) -> IndexBars {
        let step = Step { bar: ProgressBar::hidden(), started: Instant::now(), blocks: 0 };
        IndexBars { verbosity, step: Mutex::new(step) }
    }

    fn step(&self) -> MutexGuard<'_, Step> {
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for IndexBars {
    fn begin(&self, what: &'static str, total: u64, unit: Unit) {
        let bar = match unit {
            Unit::Files => self.verbosity.bar(what, total, "files"),
            Unit::Bytes => self.verbosity.byte_bar(what, total),
        };
        *self.step() = Step { bar, started: Instant::now(), blocks: 0 };
    }

    fn advance(&self, units: u64) {
        self.step().bar.inc(units);
    }

    fn note(&self, what: &str) {
        self.step().bar.set_message(what.to_owned());
    }

    fn end(&self) {
        self.step().bar.finish_and_clear();
    }

    fn trouble(&self, error: &dyn Error, pause: Duration) {
        let (reason, seconds) = (exit::in_one_line(error), pause.as_secs_f32());
        self.step().bar.suspend(|| {
            self.verbosity.warn(format_args!("{reason}; trying again in {seconds:.1} s"));
        });
    }

    fn committed(&self, height: u64, blocks: u64, bytes: u64) {
        let mut step = self.step();
        step.blocks += blocks;
        let blocks_per_second = step.blocks as f64 / step.started.elapsed().as_secs_f64();
        step.bar.set_message(format!("height {height}, {blocks_per_second:.0} blocks/s"));
        step.bar.inc(bytes);
    }
}
