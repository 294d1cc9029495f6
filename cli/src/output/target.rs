//! Where output goes: standard output, or a file that appears when it is complete.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Context, bail};

use super::stdout::Stdout;

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 64 << 10;

/// Where output goes.
///
/// A file is written beside its name and renamed by [`Target::finish`]; dropped before that, it is
/// removed.
pub struct Target {
    writer: BufWriter<Box<dyn Write + Send>>,
    file: Option<Unfinished>,
}

impl Target {
    /// Standard output.
    pub fn stdout() -> Target {
        Target { writer: BufWriter::with_capacity(BUFFER_BYTES, Box::new(Stdout)), file: None }
    }

    /// The file `path`. What is no regular file (a pipe, `/dev/null`) is written in place.
    pub fn file(path: &Path) -> anyhow::Result<Target> {
        let cannot = || format!("cannot write '{}'", path.display());
        let existing = fs::metadata(path).ok();
        if existing.as_ref().is_some_and(|existing| existing.is_dir()) {
            bail!("cannot write '{}': it is a folder", path.display());
        }
        let (writer, file) = if existing.as_ref().is_some_and(|existing| !existing.is_file()) {
            (OpenOptions::new().write(true).open(path).with_context(cannot)?, None)
        } else {
            let (writer, unfinished) = Unfinished::create(path).with_context(cannot)?;
            if let Some(existing) = existing {
                writer.set_permissions(existing.permissions()).with_context(cannot)?;
            }
            (writer, Some(unfinished))
        };
        Ok(Target { writer: BufWriter::with_capacity(BUFFER_BYTES, Box::new(writer)), file })
    }

    /// Whether a person sees the bytes as they are.
    pub fn is_terminal(path: Option<&Path>) -> bool {
        path.is_none() && io::stdout().is_terminal()
    }

    /// Writes out what is held and gives the file its name.
    pub fn finish(mut self) -> anyhow::Result<()> {
        self.writer.flush()?;
        match self.file.take() {
            Some(file) => file.finish(),
            None => Ok(()),
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// A file that does not have its name yet.
struct Unfinished {
    temporary: PathBuf,
    path: PathBuf,
    is_finished: bool,
}

impl Unfinished {
    fn create(path: &Path) -> io::Result<(File, Unfinished)> {
        // A link keeps pointing to the file, so the file is what is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().ok_or(io::ErrorKind::InvalidFilename)?);
        name.push(format!(".{}.part", process::id()));
        let temporary = path.with_file_name(name);
        let file = File::create(&temporary)?;
        Ok((file, Unfinished { temporary, path, is_finished: false }))
    }

    fn finish(mut self) -> anyhow::Result<()> {
        let cannot = || format!("cannot complete '{}'", self.path.display());
        File::open(&self.temporary).and_then(|file| file.sync_all()).with_context(cannot)?;
        fs::rename(&self.temporary, &self.path).with_context(cannot)?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_finished {
            // There is nothing more to be done about a file that cannot be removed.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry"));
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_file_appears_when_it_is_complete_and_leaves_nothing_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.csv");
        let mut target = Target::file(&path).expect("writable");
        target.write_all(b"new").expect("writable");
        assert!(!path.exists());
        target.finish().expect("complete");
        assert_eq!(fs::read(&path).expect("readable"), b"new");
        assert_eq!(names(dir.path()), ["a.csv"]);
    }

    #[test]
    fn a_file_that_is_not_completed_leaves_what_was_there_before() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.csv");
        fs::write(&path, "old").expect("writable");
        let mut target = Target::file(&path).expect("writable");
        target.write_all(b"half").expect("writable");
        target.flush().expect("writable");
        drop(target);
        assert_eq!(fs::read(&path).expect("readable"), b"old");
        assert_eq!(names(dir.path()), ["a.csv"]);
    }

    #[test]
    fn what_is_no_regular_file_is_written_in_place() {
        let mut target = Target::file(Path::new("/dev/null")).expect("writable");
        target.write_all(b"gone").expect("writable");
        target.finish().expect("complete");
        assert!(!fs::metadata("/dev/null").expect("there").is_file());
    }
}
