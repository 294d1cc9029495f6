//! So many statements run at once: of each role, and of all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Limits, Role, ServeError};

/// Statements that wait for others to end.
const MAX_WAITING: usize = 1_000;
/// How long they wait.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The places in which statements run.
#[derive(Debug)]
pub(super) struct Places {
    of_roles: BTreeMap<Role, Arc<Semaphore>>,
    of_all: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// A place, until dropped.
#[derive(Debug)]
pub(super) struct Place(#[expect(dead_code, reason = "held")] [OwnedSemaphorePermit; 2]);

/// Counts one that waits, until dropped.
struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Places {
    pub(super) fn new(limits: &BTreeMap<Role, Limits>, concurrency: usize) -> Places {
        let semaphore =
            |count: usize| Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS)));
        let of_roles = limits.iter().map(|(role, limits)| (*role, semaphore(limits.concurrency)));
        Places {
            of_roles: of_roles.collect(),
            of_all: semaphore(concurrency),
            waiting: AtomicUsize::new(0),
        }
    }

    /// A place for a statement of `role`, as soon as there is one.
    pub(super) async fn take(&self, role: Role) -> Result<Place, ServeError> {
        let waits = Waits(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            return Err(ServeError::TooManyStatements);
        }
        let of_role = self.of_roles.get(&role).unwrap_or(&self.of_all);
        let both = async {
            let first = Arc::clone(of_role).acquire_owned().await;
            let second = Arc::clone(&self.of_all).acquire_owned().await;
            Ok([first?, second?])
        };
        let both: Result<_, tokio::sync::AcquireError> = tokio::time::timeout(MAX_WAIT, both)
            .await
            .map_err(|_| ServeError::TooManyStatements)?;
        drop(waits);
        both.map(Place).map_err(|_| ServeError::ShuttingDown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_told() {
        let limits = Role::ALL.map(|role| (role, Limits { concurrency: 1, ..role.limits() }));
        let places = Places::new(&BTreeMap::from(limits), 2);
        let first = places.take(Role::Analyst).await.expect("a place");
        let error = places.take(Role::Analyst).await.expect_err("the role's only place is taken");
        assert!(matches!(error, ServeError::TooManyStatements));
        let _second = places.take(Role::Operator).await.expect("another role's place");
        places.take(Role::Regulator).await.expect_err("all places are taken");
        drop(first);
        places.take(Role::Analyst).await.expect("a free place");
    }
}
