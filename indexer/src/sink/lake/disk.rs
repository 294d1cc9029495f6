//! The disk as the lake uses it: the seam at which tests put one that fails, forgets and crashes.

use std::any::Any;
use std::fmt::Debug;
use std::fs::{File, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;

/// A file system, and its clock.
///
/// # Contract
///
/// * What was written is there after a crash if `finish` returned; else some of it may be.
/// * A name that was made, changed or removed stays so after a crash if `sync_dir` of its folder
///   returned afterwards; else it may be as before.
/// * `rename` happens as a whole or not at all, crash or not.
pub trait Disk: Debug + Send + Sync + 'static {
    /// The time.
    fn now(&self) -> SystemTime;

    /// Takes the lock of the file at `path`, made if there is none, for as long as the value lives;
    /// `None` if somebody else has it.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Any + Send + Sync>>>;

    /// Makes the folder at `path` and those above it, if they are missing.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes a file at `path`, in place of any that is there.
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>>;

    /// The content of the file at `path`.
    fn read(&self, path: &Path) -> io::Result<Bytes>;

    /// The names in the folder at `path`.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Gives the file or folder `from` the name `to`, in place of a file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes the names in the folder at `path` durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Removes the folder at `path` with all that is in it; no error if there is none.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
}

/// A file being written.
pub trait NewFile: Write + Send {
    /// Makes what was written durable; returns its length, bytes.
    fn finish(self: Box<Self>) -> io::Result<u64>;
}

/// The disks of this machine.
#[derive(Clone, Copy, Debug)]
pub struct LocalDisk;

impl Disk for LocalDisk {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Any + Send + Sync>>> {
        // The system frees the lock when the process ends, however it ends.
        let file = File::create(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        Ok(Box::new(LocalFile(BufWriter::new(File::create(path)?))))
    }

    fn read(&self, path: &Path) -> io::Result<Bytes> {
        std::fs::read(path).map(Bytes::from)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let name = |entry: io::Result<std::fs::DirEntry>| {
            // A name that is no text is none of ours.
            entry.map(|entry| entry.file_name().into_string().ok()).transpose()
        };
        std::fs::read_dir(path)?.filter_map(name).collect()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        match std::fs::remove_dir_all(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// A file of [`LocalDisk`].
struct LocalFile(BufWriter<File>);

impl Write for LocalFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl NewFile for LocalFile {
    fn finish(self: Box<Self>) -> io::Result<u64> {
        let file = self.0.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(file.metadata()?.len())
    }
}
