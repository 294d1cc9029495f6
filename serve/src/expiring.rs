//! Things that are kept for a while and in bounded room: logins, tokens, tickets, prepared statements.
//!
//! # Invariants
//!
//! * What was not used for the lifetime is never found again.
//! * The weights of all that is kept never exceed the capacity: what was used least recently goes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A store that forgets.
#[derive(Debug)]
pub(crate) struct Expiring<K, V> {
    entries: Mutex<Entries<K, V>>,
    lifetime: Duration,
    capacity: usize,
    /// Whether what is used lives on.
    is_renewed: bool,
}

#[derive(Debug)]
struct Entries<K, V> {
    known: HashMap<K, Entry<V>>,
    weight: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    weight: usize,
    since: Instant,
}

impl<K: Hash + Eq + Clone, V: Clone> Expiring<K, V> {
    /// Things that live for `lifetime`, whether or not they are used.
    pub(crate) fn new(lifetime: Duration, capacity: usize) -> Expiring<K, V> {
        let entries = Mutex::new(Entries { known: HashMap::new(), weight: 0 });
        Expiring { entries, lifetime, capacity, is_renewed: false }
    }

    /// Things that live until they were not used for `lifetime`.
    pub(crate) fn renewed(lifetime: Duration, capacity: usize) -> Expiring<K, V> {
        Expiring { is_renewed: true, ..Expiring::new(lifetime, capacity) }
    }

    /// Keeps `value`, which takes `weight` of the capacity.
    pub(crate) fn insert(&self, key: K, value: V, weight: usize) {
        let now = Instant::now();
        let mut entries = self.entries();
        entries.remove(&key);
        if entries.weight + weight > self.capacity {
            entries.forget(|entry| self.is_over(entry, now));
        }
        while entries.weight + weight > self.capacity {
            let oldest = entries.known.iter().min_by_key(|(_, entry)| entry.since);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { return };
            entries.remove(&oldest);
        }
        entries.weight += weight;
        entries.known.insert(key, Entry { value, weight, since: now });
    }

    /// What is kept under `key`.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let now = Instant::now();
        let mut entries = self.entries();
        let entry = entries.known.get_mut(key)?;
        if self.is_over(entry, now) {
            entries.remove(key);
            return None;
        }
        if self.is_renewed {
            entry.since = now;
        }
        Some(entry.value.clone())
    }

    /// Forgets what is kept under `key`.
    pub(crate) fn remove(&self, key: &K) {
        self.entries().remove(key);
    }

    fn is_over(&self, entry: &Entry<V>, now: Instant) -> bool {
        now.duration_since(entry.since) >= self.lifetime
    }

    fn entries(&self) -> MutexGuard<'_, Entries<K, V>> {
        // Nothing in here panics while it holds the lock, and each change is whole by itself.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq, V> Entries<K, V> {
    fn remove(&mut self, key: &K) {
        if let Some(entry) = self.known.remove(key) {
            self.weight -= entry.weight;
        }
    }

    fn forget(&mut self, is_over: impl Fn(&Entry<V>) -> bool) {
        let weight = &mut self.weight;
        self.known.retain(|_, entry| {
            let stays = !is_over(entry);
            if !stays {
                *weight -= entry.weight;
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn what_is_not_renewed_is_forgotten_in_time() {
        let (plain, renewed) = (Expiring::new(LIFETIME, 10), Expiring::renewed(LIFETIME, 10));
        plain.insert("a", 1, 1);
        renewed.insert("a", 1, 1);
        tokio::time::advance(LIFETIME / 2).await;
        assert_eq!((plain.get(&"a"), renewed.get(&"a")), (Some(1), Some(1)));
        tokio::time::advance(LIFETIME / 2).await;
        assert_eq!((plain.get(&"a"), renewed.get(&"a")), (None, Some(1)));
        tokio::time::advance(LIFETIME).await;
        assert_eq!(renewed.get(&"a"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_never_more_than_the_capacity() {
        let kept = Expiring::renewed(LIFETIME, 10);
        for key in 0..10 {
            kept.insert(key, key, 1);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(kept.get(&0), Some(0));
        // Nine go, and the one that was used last stays.
        kept.insert(10, 10, 9);
        assert_eq!((kept.get(&0), kept.get(&1), kept.get(&9), kept.get(&10)), {
            (Some(0), None, None, Some(10))
        });
        // What is larger than everything is not kept, and what replaces itself is counted once.
        kept.insert(11, 11, 11);
        assert_eq!(kept.get(&11), None);
        for _ in 0..100 {
            kept.insert(12, 12, 5);
        }
        kept.insert(13, 13, 5);
        assert_eq!((kept.get(&12), kept.get(&13)), (Some(12), Some(13)));
        kept.remove(&12);
        assert_eq!(kept.get(&12), None);
    }
}
