//! The audit log: one JSON object a line, each with the hash of the line before it.
//!
//! # Invariants
//!
//! * A line is on disk before [`AuditLog::append`] returns; entries that come together share one flush.
//! * One process writes; nothing that is written is changed.
//! * A line that is removed, changed or put in makes the next one not follow: [`verify()`] finds it.
//!   Lines missing at the end show by the number and hash that `verify` told before.

mod entry;
mod table;
mod verify;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;

pub use self::entry::{Entry, Event, Outcome};
use self::entry::{Line, NO_LINE, hash};
pub(crate) use self::table::AuditTable;
pub use self::verify::{AuditError, Verified, verify};
use crate::ServeError;

/// Entries that wait for the disk; more wait outside.
const MAX_WAITING: usize = 4_096;
/// Entries that share one flush.
const MAX_TOGETHER: usize = 512;
/// The longest line that is read.
pub(crate) const MAX_LINE_BYTES: usize = 1 << 20;

/// The log, open for writing. It ends when dropped.
#[derive(Debug)]
pub struct AuditLog {
    path: PathBuf,
    sender: mpsc::SyncSender<Waiting>,
    broken: Arc<AtomicBool>,
}

struct Waiting {
    entry: Entry,
    done: oneshot::Sender<Result<(), io::ErrorKind>>,
}

impl AuditLog {
    /// Opens the log at `path` to go on with it, or begins it.
    pub fn open(path: &Path) -> Result<AuditLog, ServeError> {
        let fail = |source| ServeError::Audit { path: path.to_owned(), source };
        let writer = Writer::open(path).map_err(fail)?;
        let (sender, receiver) = mpsc::sync_channel(MAX_WAITING);
        let broken = Arc::new(AtomicBool::new(false));
        let shared = Arc::clone(&broken);
        let write = move || write_all(writer, &receiver, &shared);
        std::thread::Builder::new().name("audit".to_owned()).spawn(write).map_err(fail)?;
        Ok(AuditLog { path: path.to_owned(), sender, broken })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it can be written.
    pub fn check(&self) -> Result<(), ServeError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(self.failed("an earlier entry could not be written".into()));
        }
        Ok(())
    }

    /// Writes `entry` down; it is on disk when this returns.
    pub async fn append(&self, entry: Entry) -> Result<(), ServeError> {
        self.check()?;
        let (done, written) = oneshot::channel();
        let mut waiting = Waiting { entry, done };
        // The queue is only full when the disk is far behind.
        loop {
            match self.sender.try_send(waiting) {
                Ok(()) => break,
                Err(mpsc::TrySendError::Full(back)) => {
                    waiting = back;
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
                Err(mpsc::TrySendError::Disconnected(_)) => {
                    return Err(self.failed("its writer has ended".into()));
                }
            }
        }
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(kind)) => {
                Err(ServeError::Audit { path: self.path.clone(), source: kind.into() })
            }
            Err(_) => Err(self.failed("its writer has ended".into())),
        }
    }

    fn failed(&self, reason: String) -> ServeError {
        ServeError::Audit { path: self.path.clone(), source: io::Error::other(reason) }
    }
}

/// Now, as the log writes it.
pub(crate) fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    let time = arrow::temporal_conversions::timestamp_us_to_datetime(micros);
    time.map_or_else(String::new, |time| format!("{}Z", time.format("%Y-%m-%dT%H:%M:%S%.6f")))
}

fn write_all(mut writer: Writer, waiting: &mpsc::Receiver<Waiting>, broken: &AtomicBool) {
    while let Ok(first) = waiting.recv() {
        let mut together = vec![first];
        together.extend(waiting.try_iter().take(MAX_TOGETHER - 1));
        let written = if broken.load(Ordering::Relaxed) {
            Err(io::Error::other("an earlier entry could not be written"))
        } else {
            writer.write(together.iter().map(|waiting| &waiting.entry))
        };
        if let Err(error) = &written {
            tracing::error!(path = %writer.path.display(), %error, "cannot write the audit log");
            broken.store(true, Ordering::Relaxed);
        }
        let written = written.map_err(|error| error.kind());
        for waiting in together {
            // Who waited may have gone.
            let _ = waiting.done.send(written);
        }
    }
}

/// The file, and where it ends.
struct Writer {
    path: PathBuf,
    file: File,
    bytes: u64,
    sequence: u64,
    previous: String,
}

impl Writer {
    fn open(path: &Path) -> io::Result<Writer> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::other("another server writes it"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let (whole, last) = last_line(&mut file)?;
        let torn = file.metadata()?.len() - whole;
        let (sequence, previous) = match &last {
            Some(last) => {
                let line: Line = serde_json::from_slice(last)
                    .map_err(|error| io::Error::other(format!("its last line: {error}")))?;
                (line.sequence, hash(last))
            }
            None => (0, NO_LINE.to_owned()),
        };
        let mut writer = Writer { path: path.to_owned(), file, bytes: whole, sequence, previous };
        if torn > 0 {
            // A crash in the middle of a line: nobody was told that it is written.
            writer.file.set_len(whole)?;
            writer.write([&repair(torn)].into_iter())?;
        }
        Ok(writer)
    }

    /// Writes all of `entries`, or nothing.
    fn write<'a>(&mut self, entries: impl Iterator<Item = &'a Entry>) -> io::Result<()> {
        if self.file.metadata()?.len() != self.bytes {
            return Err(io::Error::other("something else has changed it"));
        }
        let (mut sequence, mut previous) = (self.sequence, self.previous.clone());
        let mut text = Vec::new();
        for entry in entries {
            sequence += 1;
            let line = serde_json::to_vec(&Line { sequence, previous, entry: entry.clone() })?;
            previous = hash(&line);
            text.extend_from_slice(&line);
            text.push(b'\n');
        }
        let written = self
            .file
            .seek(SeekFrom::Start(self.bytes))
            .and_then(|_| self.file.write_all(&text))
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Half a line would not be followed by any other.
            let _ = self.file.set_len(self.bytes);
            return Err(error);
        }
        (self.sequence, self.previous) = (sequence, previous);
        self.bytes += text.len() as u64;
        Ok(())
    }
}

fn repair(torn_bytes: u64) -> Entry {
    Entry {
        time: now(),
        event: Event::Repair,
        user: String::new(),
        role: String::new(),
        protocol: String::new(),
        peer: String::new(),
        application: None,
        statement: None,
        statement_sha256: None,
        parameters: vec![],
        format: None,
        duration_ms: 0,
        rows: 0,
        outcome: Outcome::Done,
        reason: Some(format!("the last {torn_bytes} bytes were no whole line, and were cut off")),
    }
}

/// Where the last whole line ends, and that line.
fn last_line(file: &mut File) -> io::Result<(u64, Option<Vec<u8>>)> {
    let length = file.metadata()?.len();
    // Two lines at most: one may be torn.
    let from = length.saturating_sub(2 * MAX_LINE_BYTES as u64);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(length - from).read_to_end(&mut tail)?;
    let Some(end) = tail.iter().rposition(|byte| *byte == b'\n') else {
        if from == 0 {
            return Ok((0, None));
        }
        return Err(io::Error::other("it does not end with a line of ours"));
    };
    let start = tail[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
    Ok((from + end as u64 + 1, Some(tail[start..end].to_vec())))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::entry::example;
    use super::*;

    async fn write(path: &Path, statements: &[&str]) {
        let log = AuditLog::open(path).expect("a log");
        for statement in statements {
            log.append(example(statement)).await.expect("written");
        }
    }

    fn close(path: &Path) {
        // The writer lets go of the file a moment after the log is dropped.
        for _ in 0..1_000 {
            let file = File::open(path).expect("a log");
            if file.try_lock().is_ok() {
                return;
            }
            std::thread::yield_now();
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        panic!("the log stays locked");
    }

    #[tokio::test]
    async fn a_log_goes_on_where_it_ended() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("audit.jsonl");
        write(&path, &["select 1", "select 2"]).await;
        close(&path);
        write(&path, &["select 3"]).await;
        close(&path);
        let verified = verify(&path).expect("the lines follow each other");
        assert_eq!(verified.lines, 3);
        let text = fs::read_to_string(&path).expect("a file");
        let last = text.lines().last().expect("a line");
        assert_eq!(verified.last_hash, hash(last.as_bytes()));
    }

    #[tokio::test]
    async fn a_torn_end_is_cut_off_and_said() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("audit.jsonl");
        write(&path, &["select 1"]).await;
        close(&path);
        let mut file = OpenOptions::new().append(true).open(&path).expect("a file");
        file.write_all(b"{\"sequence\":2,\"prev").expect("written");
        drop(file);
        write(&path, &["select 2"]).await;
        close(&path);
        assert_eq!(verify(&path).expect("the lines follow each other").lines, 3);
        assert!(fs::read_to_string(&path).expect("a file").contains("were no whole line"));
    }

    #[tokio::test]
    async fn a_log_has_one_writer_and_sees_others() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("audit.jsonl");
        let log = AuditLog::open(&path).expect("a log");
        log.append(example("select 1")).await.expect("written");
        let error = AuditLog::open(&path).expect_err("it is open").to_string();
        assert!(error.contains("audit.jsonl"), "{error}");
        File::options().write(true).open(&path).expect("a file").set_len(3).expect("cut");
        log.append(example("select 2")).await.expect_err("it was changed");
        log.check().expect_err("nothing is answered any more");
    }

    #[tokio::test]
    async fn entries_that_come_together_all_follow() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("audit.jsonl");
        let log = AuditLog::open(&path).expect("a log");
        let entries = (0..100).map(|_| log.append(example("select 1")));
        for written in futures::future::join_all(entries).await {
            written.expect("written");
        }
        assert_eq!(verify(&path).expect("the lines follow each other").lines, 100);
    }
}
