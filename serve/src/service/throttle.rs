//! Wrong passwords make the next attempt wait.
//!
//! # Invariants
//!
//! * Attempts for one name from one address are heard one after the other, each later than the one before
//!   by a time that doubles with every wrong password; so are those of one address for all names.
//! * What is remembered is bounded, and forgotten when nothing happens for a while.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

/// Wrong passwords that cost nothing: people mistype.
const FREE_FAILURES: u32 = 3;
/// The same for all names of one address, where many people may sit.
const FREE_FAILURES_OF_ADDRESS: u32 = 20;
/// How long the first attempt waits that has to.
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// The longest time between two attempts.
const MAX_DELAY: Duration = Duration::from_secs(30);
/// Who would have to wait longer is turned away.
const MAX_WAIT: Duration = Duration::from_secs(5);
/// When failures are forgotten.
const FORGOTTEN: Duration = Duration::from_secs(15 * 60);
/// The most names and addresses that are remembered.
const MAX_REMEMBERED: usize = 20_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    Name(String, IpAddr),
}

#[derive(Debug)]
struct Failures {
    count: u32,
    last: Instant,
    /// When the next attempt is heard.
    next: Instant,
}

/// Remembers wrong passwords.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    failures: Mutex<HashMap<Key, Failures>>,
    /// Names whose passwords are being checked, with what the next attempt waits for: many at once must
    /// not all be heard before the first is found to be wrong.
    checked: Mutex<HashMap<Key, Arc<tokio::sync::Mutex<()>>>>,
}

/// One attempt for one name, until dropped: the next is heard then.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    throttle: &'a Throttle,
    key: Key,
    /// `None` only while it is dropped.
    guard: Option<OwnedMutexGuard<()>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.guard = None;
        let mut checked = lock(&self.throttle.checked);
        // Nobody else waits for it, and nobody can begin to meanwhile.
        if checked.get(&self.key).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            checked.remove(&self.key);
        }
    }
}

impl Throttle {
    /// Waits until an attempt is heard, or says after what time it would be, if that is too long.
    pub(super) async fn turn(&self, name: &str, address: IpAddr) -> Result<Turn<'_>, Duration> {
        let key = Key::Name(name.to_owned(), address);
        let queue = self.queue(&key);
        let guard = Some(queue.lock_owned().await);
        let turn = Turn { throttle: self, key, guard };
        let now = Instant::now();
        let until = {
            let mut known = self.known();
            let keys = keys(name, address);
            let next = |key| known.get(key).map_or(now, |failures: &Failures| failures.next);
            let until = keys.iter().map(next).max().unwrap_or(now).max(now);
            if until - now > MAX_WAIT {
                return Err(until - now);
            }
            for key in &keys {
                if let Some(failures) = known.get_mut(key) {
                    failures.next = until + delay(key, failures.count);
                }
            }
            until
        };
        tokio::time::sleep_until(until).await;
        Ok(turn)
    }

    /// Remembers a wrong password.
    pub(super) fn failed(&self, name: &str, address: IpAddr) {
        let now = Instant::now();
        let mut known = self.known();
        if known.len() >= MAX_REMEMBERED {
            known.retain(|_, failures| now - failures.last < FORGOTTEN);
        }
        for key in keys(name, address) {
            // Of an attacker with more names than that the address is remembered.
            if known.len() >= MAX_REMEMBERED && !known.contains_key(&key) {
                continue;
            }
            let failures =
                known.entry(key.clone()).or_insert(Failures { count: 0, last: now, next: now });
            if now - failures.last >= FORGOTTEN {
                failures.count = 0;
            }
            failures.count = failures.count.saturating_add(1);
            failures.last = now;
            failures.next = failures.next.max(now + delay(&key, failures.count));
        }
    }

    /// Forgets the wrong passwords for `name`: the right one has come.
    pub(super) fn forget(&self, name: &str, address: IpAddr) {
        self.known().remove(&Key::Name(name.to_owned(), address));
    }

    /// What attempts of `key` wait for, one after the other.
    fn queue(&self, key: &Key) -> Arc<tokio::sync::Mutex<()>> {
        let mut checked = lock(&self.checked);
        if checked.len() >= MAX_REMEMBERED {
            // Left behind by those who went away while they waited.
            checked.retain(|_, queue| Arc::strong_count(queue) > 1);
        }
        Arc::clone(checked.entry(key.clone()).or_default())
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Key, Failures>> {
        lock(&self.failures)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keys(name: &str, address: IpAddr) -> [Key; 2] {
    [Key::Address(address), Key::Name(name.to_owned(), address)]
}

fn delay(key: &Key, failures: u32) -> Duration {
    let free = match key {
        Key::Address(_) => FREE_FAILURES_OF_ADDRESS,
        Key::Name(..) => FREE_FAILURES,
    };
    match failures.checked_sub(free + 1) {
        Some(doublings) => (FIRST_DELAY * 2_u32.pow(doublings.min(10))).min(MAX_DELAY),
        None => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    /// How long an attempt with a wrong password takes; `None` if it is not heard.
    async fn attempt(throttle: &Throttle, name: &str, address: IpAddr) -> Option<Duration> {
        let before = Instant::now();
        let _turn = throttle.turn(name, address).await.ok()?;
        let waited = before.elapsed();
        // As long as hashing a password takes.
        tokio::time::sleep(Duration::from_millis(40)).await;
        throttle.failed(name, address);
        Some(waited)
    }

    #[tokio::test(start_paused = true)]
    async fn each_wrong_password_makes_the_next_wait_longer() {
        let throttle = Throttle::default();
        let mut waits = Vec::new();
        for _ in 0..10 {
            waits.push(attempt(&throttle, "alice", HERE).await);
        }
        let millis = |wait: &Option<Duration>| wait.map(|wait| wait.as_millis());
        let millis: Vec<_> = waits.iter().map(millis).collect();
        assert_eq!(millis[..4], [Some(0); 4]);
        assert!(millis[4] >= Some(250) && millis[5] >= Some(500), "{millis:?}");
        assert_eq!(millis[9], None);
        // Others are not held up.
        assert_eq!(attempt(&throttle, "bob", HERE).await, Some(Duration::ZERO));
        assert_eq!(attempt(&throttle, "alice", THERE).await, Some(Duration::ZERO));
        // Once the right password has come, all is forgotten.
        throttle.forget("alice", HERE);
        assert_eq!(attempt(&throttle, "alice", HERE).await, Some(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_cannot_try_all_names() {
        let throttle = Throttle::default();
        let mut heard = 0;
        for name in 0..1_000 {
            heard += u32::from(attempt(&throttle, &name.to_string(), HERE).await.is_some());
        }
        assert!(heard < 30, "{heard} attempts were heard");
        tokio::time::sleep(FORGOTTEN).await;
        assert_eq!(attempt(&throttle, "alice", HERE).await, Some(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_at_once_are_heard_one_after_the_other() {
        let throttle = Throttle::default();
        let attempts = (0..100).map(|_| attempt(&throttle, "alice", HERE));
        let waits = futures::future::join_all(attempts).await;
        let heard = waits.iter().flatten().count();
        assert!(heard < 12, "{heard} attempts were heard");
        assert!(lock(&throttle.checked).is_empty());
        // Those who go away leave nothing for long.
        let turn = throttle.turn("bob", HERE).await.expect("heard");
        let waiting = throttle.turn("bob", HERE);
        tokio::time::timeout(Duration::from_secs(1), waiting).await.expect_err("it waits");
        drop(turn);
        assert!(lock(&throttle.checked).is_empty());
    }
}
