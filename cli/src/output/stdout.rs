//! Standard output that remembers when its reader went away.
//!
//! Libraries between here and the command turn an I/O error into a text of their own, so the kind
//! of the error is noted where it happens.

use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

static CLOSED: AtomicBool = AtomicBool::new(false);

/// Standard output. Buffered by the standard library up to each line end, so writers that write
/// much wrap it in a buffer of their own.
#[derive(Clone, Copy, Debug)]
pub struct Stdout;

/// Whether a write failed because nobody reads any more.
pub fn is_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// Writes out what is still buffered.
pub fn flush() -> io::Result<()> {
    Stdout.flush()
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        noted(io::stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        noted(io::stdout().flush())
    }
}

fn noted<T>(result: io::Result<T>) -> io::Result<T> {
    if let Err(error) = &result
        && error.kind() == ErrorKind::BrokenPipe
    {
        CLOSED.store(true, Ordering::Relaxed);
    }
    result
}
