//! Who asks: what a node wants to know before it answers.
//!
//! # Invariants
//!
//! * What is secret is in no message and in no `Debug` output.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::error::NodeFault;

/// How a node is told who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Login {
    /// With the user and the password of its URL, or, if it has none, as nobody.
    #[default]
    Url,
    /// With the cookie file that bitcoind writes each time it starts: `.cookie` in its data
    /// directory, or in the network's folder there.
    Cookie(PathBuf),
    /// With a user, and a password that a file holds.
    Password {
        /// The user.
        user: String,
        /// The file: the password, and a line break or not.
        file: PathBuf,
    },
}

/// A user and a password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credential {
    pub user: String,
    pub password: String,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential")
    }
}

/// A login, and what its file held when it was last read.
#[derive(Debug)]
pub(super) struct Identity {
    login: Login,
    known: Mutex<Option<Credential>>,
}

impl Login {
    /// What its file holds now; `None` if it has no file.
    fn read(&self) -> Result<Option<Credential>, NodeFault> {
        match self {
            Login::Url => Ok(None),
            Login::Cookie(path) => {
                let text = read(path, true)?;
                let Some((user, password)) = text.split_once(':') else {
                    let reason = "it is no cookie file: one holds a user, a colon and a password";
                    return Err(bad(path, reason));
                };
                Ok(Some(Credential { user: user.to_owned(), password: password.to_owned() }))
            }
            Login::Password { user, file } => {
                let password = read(file, false)?;
                Ok(Some(Credential { user: user.clone(), password }))
            }
        }
    }

    /// What to do about a refusal with `status`.
    pub fn hint(&self, status: u16, has_url_login: bool) -> String {
        if status == 403 {
            return "allow this machine with its rpcallowip, and the method with its rpcwhitelist"
                .to_owned();
        }
        match self {
            Login::Cookie(path) => format!(
                "is {} the cookie file of this node? bitcoind writes a new one at each start",
                path.display()
            ),
            Login::Password { file, .. } => format!(
                "check the user, and the password in {}, against its rpcauth or rpcuser and \
                 rpcpassword",
                file.display()
            ),
            Login::Url if has_url_login => "check the user and password in its URL".to_owned(),
            Login::Url => "give its cookie file (.cookie in its data directory), or a user and \
                           password"
                .to_owned(),
        }
    }
}

fn bad(path: &Path, reason: impl ToString) -> NodeFault {
    NodeFault::BadLogin { path: path.to_owned(), reason: reason.to_string() }
}

/// The one line that the file at `path` holds.
fn read(path: &Path, is_cookie: bool) -> Result<String, NodeFault> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if is_cookie && error.kind() == io::ErrorKind::NotFound => {
            return Err(NodeFault::NoCookie { path: path.to_owned() });
        }
        Err(error) => return Err(bad(path, error)),
    };
    let line = text.trim_end_matches(['\r', '\n']);
    match line.is_empty() {
        true => Err(bad(path, "it is empty")),
        false => Ok(line.to_owned()),
    }
}

impl Identity {
    pub fn new(login: Login) -> Identity {
        Identity { login, known: Mutex::new(None) }
    }

    /// What the node is told.
    pub fn credential(&self) -> Result<Option<Credential>, NodeFault> {
        let mut known = self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if known.is_none() {
            *known = self.login.read()?;
        }
        Ok(known.clone())
    }

    /// Has the file read again before the node is told the next time: it may have been started
    /// anew.
    pub fn forget(&self) {
        *self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
    }

    /// What the file holds, if it is something else than was `refused`.
    pub fn newer(&self, refused: Option<&Credential>) -> Result<Option<Credential>, NodeFault> {
        self.forget();
        let now = self.credential()?;
        Ok(now.filter(|now| Some(now) != refused))
    }

    /// What to do about a refusal with `status`.
    pub fn hint(&self, status: u16, has_url_login: bool) -> String {
        self.login.hint(status, has_url_login)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join(".cookie");
        std::fs::write(&path, text).expect("written");
        (dir, path)
    }

    #[test]
    fn a_cookie_that_was_written_anew_is_read_again() {
        let (_dir, path) = file("__cookie__:first\n");
        let identity = Identity::new(Login::Cookie(path.clone()));
        let first = identity.credential().expect("a cookie").expect("one");
        assert_eq!((&*first.user, &*first.password), ("__cookie__", "first"));
        assert_eq!(identity.newer(Some(&first)), Ok(None));

        std::fs::write(&path, "__cookie__:second").expect("written");
        assert_eq!(identity.credential().as_ref(), Ok(&Some(first.clone())), "not asked yet");
        let second = identity.newer(Some(&first)).expect("a cookie").expect("another");
        assert_eq!(second.password, "second");
        assert_eq!(identity.credential(), Ok(Some(second)));

        std::fs::remove_file(&path).expect("removed");
        identity.forget();
        assert_eq!(identity.credential(), Err(NodeFault::NoCookie { path }));
    }

    #[test]
    fn files_that_hold_no_login_are_named() {
        for (text, reason) in [("", "it is empty"), ("no colon", "it is no cookie file")] {
            let (_dir, path) = file(text);
            let error = Login::Cookie(path.clone()).read().expect_err("no cookie").to_string();
            assert!(error.contains(reason), "{error}");
            assert!(error.contains(&path.display().to_string()) && !error.contains("colon,"));
        }
        let (dir, file) = file("word\n");
        let login = Login::Password { user: "me".to_owned(), file };
        let credential = login.read().expect("a password").expect("one");
        assert_eq!(credential.password, "word");
        assert_eq!(format!("{credential:?}"), "Credential");
        let login = Login::Password { user: "me".to_owned(), file: dir.path().join("absent") };
        assert!(matches!(login.read(), Err(NodeFault::BadLogin { .. })));
    }
}
