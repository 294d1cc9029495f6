//! The file of users.
//!
//! # Invariants
//!
//! * It is replaced as a whole, by one rename: readers see the users of before or after.
//! * Where the system has such rights, nobody but its owner may read or write it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::User;
use super::secret::Secret;
use crate::{Role, ServeError};

/// The longest name of a user, as in PostgreSQL.
const MAX_NAME_BYTES: usize = 63;
/// The largest file that is read.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// What the file says of one user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub role: Role,
    pub secret: Secret,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UsersFile {
    #[serde(default)]
    users: BTreeMap<String, Record>,
}

/// Tells one state of the file from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    inode: u64,
}

impl Stamp {
    pub(super) fn of(path: &Path) -> Result<Stamp, ServeError> {
        fs::metadata(path).map(|metadata| Stamp::from(&metadata)).map_err(|e| failed(path, &e))
    }

    fn from(metadata: &fs::Metadata) -> Stamp {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Stamp { modified: metadata.modified().ok(), bytes: metadata.len(), inode }
    }
}

/// The users in the file at `path`.
pub(super) fn read(path: &Path) -> Result<(Stamp, BTreeMap<String, Record>), ServeError> {
    let file = File::open(path).map_err(|error| failed(path, &error))?;
    let metadata = file.metadata().map_err(|error| failed(path, &error))?;
    check_rights(path, &metadata)?;
    let mut text = String::new();
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(|error| failed(path, &error))?;
    let file: UsersFile = toml::from_str(&text)
        .map_err(|error| unusable(path, error.message().replace('\n', " ")))?;
    for (name, record) in &file.users {
        if let Some(fault) = name_fault(name).or(record.secret.fault()) {
            return Err(unusable(path, format!("user '{name}': {fault}")));
        }
    }
    Ok((Stamp::from(&metadata), file.users))
}

/// Adds a user to the file at `path`, which need not be there yet.
pub fn add(path: &Path, name: &str, role: Role, password: &str) -> Result<(), ServeError> {
    if let Some(fault) = name_fault(name) {
        return Err(unusable(path, fault.to_owned()));
    }
    let secret = Secret::new(password).map_err(|reason| unusable(path, reason))?;
    change(path, |users| {
        if users.contains_key(name) {
            return Err(format!("there is a user '{name}' already"));
        }
        users.insert(name.to_owned(), Record { role, secret });
        Ok(())
    })
}

/// Gives a user another password.
pub fn set_password(path: &Path, name: &str, password: &str) -> Result<(), ServeError> {
    let secret = Secret::new(password).map_err(|reason| unusable(path, reason))?;
    change(path, |users| match users.get_mut(name) {
        Some(record) => {
            record.secret = secret;
            Ok(())
        }
        None => Err(no_user(name)),
    })
}

/// Removes a user.
pub fn remove(path: &Path, name: &str) -> Result<(), ServeError> {
    change(path, |users| users.remove(name).map(drop).ok_or_else(|| no_user(name)))
}

/// All users, in the order of their names.
pub fn list(path: &Path) -> Result<Vec<User>, ServeError> {
    let (_, records) = read(path)?;
    Ok(records.into_iter().map(|(name, record)| User { name, role: record.role }).collect())
}

fn change(
    path: &Path,
    change: impl FnOnce(&mut BTreeMap<String, Record>) -> Result<(), String>,
) -> Result<(), ServeError> {
    let fail = |error: io::Error| failed(path, &error);
    // Two that change it at once do so one after the other.
    let lock = beside(path, "lock");
    let lock = private_file().create(true).truncate(false).open(&lock).map_err(fail)?;
    lock.lock().map_err(fail)?;
    let mut users = if path.exists() { read(path)?.1 } else { BTreeMap::new() };
    change(&mut users).map_err(|reason| unusable(path, reason))?;
    let text =
        toml::to_string(&UsersFile { users }).map_err(|error| unusable(path, error.to_string()))?;
    let new = beside(path, "new");
    let _ = fs::remove_file(&new);
    let mut file = private_file().create_new(true).open(&new).map_err(fail)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(fail)?;
    fs::rename(&new, path).map_err(fail)
}

/// How a file is opened that nobody but its owner may read.
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

#[cfg(unix)]
fn check_rights(path: &Path, metadata: &fs::Metadata) -> Result<(), ServeError> {
    use std::os::unix::fs::PermissionsExt;
    if metadata.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    let reason = "others may read it: run `chmod 600` on it".to_owned();
    Err(unusable(path, reason))
}

#[cfg(not(unix))]
fn check_rights(_: &Path, _: &fs::Metadata) -> Result<(), ServeError> {
    Ok(())
}

fn name_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        Some("a name has between 1 and 63 bytes")
    } else if name.chars().any(|c| c.is_control() || c == ':') {
        // HTTP separates name and password by a colon.
        Some("a name has no colon and no control characters")
    } else {
        None
    }
}

fn no_user(name: &str) -> String {
    format!("there is no user '{name}'")
}

fn failed(path: &Path, error: &io::Error) -> ServeError {
    unusable(path, error.to_string())
}

fn unusable(path: &Path, reason: String) -> ServeError {
    ServeError::Users { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(result: Result<(), ServeError>) -> String {
        result.expect_err("refused").to_string()
    }

    #[test]
    fn what_cannot_be_is_refused_in_words() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("users.toml");
        add(&path, "alice", Role::Analyst, "correct horse").expect("added");
        let again = add(&path, "alice", Role::Operator, "correct horse");
        assert!(error(again).contains("a user 'alice' already"));
        assert!(error(remove(&path, "bob")).contains("no user 'bob'"));
        assert!(error(set_password(&path, "bob", "correct horse")).contains("no user 'bob'"));
        assert!(error(add(&path, "a:b", Role::Analyst, "correct horse")).contains("no colon"));
        assert!(error(add(&path, "", Role::Analyst, "correct horse")).contains("1 and 63"));
        assert!(error(add(&path, "bob", Role::Analyst, "horse")).contains("at least 10"));
        fs::write(&path, "[users.alice]\nrole = 'king'\n").expect("written");
        let text = list(&path).expect_err("no such role").to_string();
        assert!(text.contains("cannot be used") && !text.contains('\n'), "{text}");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("users.toml");
        add(&path, "alice", Role::Analyst, "correct horse").expect("added");
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("changed");
        let text = list(&path).expect_err("others may read it").to_string();
        assert!(text.contains("chmod 600"), "{text}");
    }
}
