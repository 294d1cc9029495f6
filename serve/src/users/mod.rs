//! Who may ask: names, roles and passwords, from a file that is read again when it changes.
//!
//! # Invariants
//!
//! * No password is kept. What is kept of it is as good as the password for nobody but PostgreSQL's
//!   protocol (see `docs/serving.md`), so others of the system may not read the file.
//! * A name that is not known costs what a wrong password costs, and is answered alike.
//! * A file that cannot be read lets nobody in.

mod file;
mod secret;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use argon2::password_hash::rand_core::{OsRng, RngCore};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use self::file::Stamp;
pub use self::file::{add, list, remove, set_password};
use self::secret::Secret;
pub use self::secret::{MIN_PASSWORD_LETTERS, Scram};
use crate::{Role, ServeError};

/// Passwords that are checked at once: each takes a core for tens of milliseconds, and 19 MiB.
const CHECKS_AT_ONCE: usize = 2;
/// How long a password that was right needs no check: clients of HTTP send it with each request.
const REMEMBERED: Duration = Duration::from_secs(300);
/// The most passwords that are remembered.
const MAX_REMEMBERED: usize = 1_000;

/// One user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// The users of a server.
#[derive(Debug)]
pub struct Users {
    path: PathBuf,
    known: Mutex<Known>,
    checks: Semaphore,
    /// Makes what is shown of users that are not there the same each time, and known to nobody.
    pepper: [u8; 32],
    remembered: Mutex<BTreeMap<[u8; 32], Instant>>,
}

#[derive(Debug)]
struct Known {
    stamp: Stamp,
    records: Arc<BTreeMap<String, file::Record>>,
}

impl Users {
    /// Reads the users in the file at `path`.
    pub fn load(path: &Path) -> Result<Users, ServeError> {
        let (stamp, records) = file::read(path)?;
        let mut pepper = [0; 32];
        OsRng.fill_bytes(&mut pepper);
        Ok(Users {
            path: path.to_owned(),
            known: Mutex::new(Known { stamp, records: Arc::new(records) }),
            checks: Semaphore::new(CHECKS_AT_ONCE),
            pepper,
            remembered: Mutex::default(),
        })
    }

    /// The users as the file has them now.
    fn records(&self) -> Result<Arc<BTreeMap<String, file::Record>>, ServeError> {
        let stamp = Stamp::of(&self.path)?;
        let mut known = lock(&self.known);
        if known.stamp != stamp {
            let (stamp, records) = file::read(&self.path)?;
            tracing::info!(users = records.len(), "read the file of users again");
            *known = Known { stamp, records: Arc::new(records) };
        }
        Ok(Arc::clone(&known.records))
    }

    /// The user called `name`, if there is one now.
    pub fn find(&self, name: &str) -> Result<Option<User>, ServeError> {
        let found = self.records()?.get(name).map(|record| record.role);
        Ok(found.map(|role| User { name: name.to_owned(), role }))
    }

    /// The user called `name`, if `password` is theirs.
    pub async fn check(&self, name: &str, password: &str) -> Result<User, ServeError> {
        let record = self.records()?.get(name).cloned();
        let (role, secret) = match record {
            Some(record) => (Some(record.role), record.secret),
            None => (None, Secret::of_nobody()),
        };
        let print = self.fingerprint(name, password, &secret);
        let known = role.is_some() && self.is_remembered(&print);
        if !known {
            let place = self.checks.acquire().await;
            let place = place.map_err(|_| ServeError::ShuttingDown)?;
            let password = password.to_owned();
            // Takes too long for the threads that answer.
            let right = tokio::task::spawn_blocking(move || secret.is_of(&password)).await;
            drop(place);
            if !right.unwrap_or(false) {
                return Err(ServeError::BadPassword);
            }
        }
        let role = role.ok_or(ServeError::BadPassword)?;
        self.remember(print);
        Ok(User { name: name.to_owned(), role })
    }

    /// What proves a password in PostgreSQL's way; of a name that is not known, what nobody can prove.
    pub fn scram(&self, name: &str) -> Result<Scram, ServeError> {
        Ok(match self.records()?.get(name) {
            Some(record) => record.secret.scram.clone(),
            None => Scram::of_nobody(&self.pepper, name),
        })
    }

    /// Stands for a password that was checked against `secret`. It cannot be turned back.
    fn fingerprint(&self, name: &str, password: &str, secret: &Secret) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(self.pepper);
        for part in [name, password, secret.argon2.as_str()] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }

    fn is_remembered(&self, print: &[u8; 32]) -> bool {
        lock(&self.remembered).get(print).is_some_and(|since| since.elapsed() < REMEMBERED)
    }

    fn remember(&self, print: [u8; 32]) {
        let mut remembered = lock(&self.remembered);
        if remembered.len() >= MAX_REMEMBERED {
            remembered.retain(|_, since| since.elapsed() < REMEMBERED);
        }
        if remembered.len() < MAX_REMEMBERED {
            remembered.entry(print).or_insert_with(Instant::now);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn users_come_change_and_go_while_the_server_runs() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("users.toml");
        add(&path, "alice", Role::Analyst, "correct horse").expect("added");
        let users = Users::load(&path).expect("a file of users");
        let alice = users.check("alice", "correct horse").await.expect("her password");
        assert_eq!(alice, User { name: "alice".to_owned(), role: Role::Analyst });
        // Remembered, and still checked for the name and the password.
        users.check("alice", "correct horse").await.expect("her password");
        users.check("alice", "battery staple").await.expect_err("another password");
        users.check("bob", "correct horse").await.expect_err("nobody's name");

        set_password(&path, "alice", "battery staple").expect("changed");
        users.check("alice", "correct horse").await.expect_err("her old password");
        users.check("alice", "battery staple").await.expect("her new password");

        add(&path, "bob", Role::Regulator, "another horse").expect("added");
        assert_eq!(users.find("bob").expect("read").expect("there").role, Role::Regulator);
        assert_eq!(list(&path).expect("read").len(), 2);
        remove(&path, "alice").expect("removed");
        users.check("alice", "battery staple").await.expect_err("she is gone");
        assert_eq!(users.find("alice").expect("read"), None);
    }

    #[test]
    fn nobody_shows_the_same_salt_each_time() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("users.toml");
        add(&path, "alice", Role::Analyst, "correct horse").expect("added");
        let users = Users::load(&path).expect("a file of users");
        let scram = |name| users.scram(name).expect("something to prove");
        assert_eq!(scram("nobody").salt, scram("nobody").salt);
        assert_ne!(scram("nobody").salt, scram("another").salt);
        assert_eq!(scram("nobody").iterations, scram("alice").iterations);
        assert_eq!(scram("nobody").salt.len(), scram("alice").salt.len());
    }
}
