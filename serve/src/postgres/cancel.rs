//! Requests to cancel: they come by connections of their own, and prove themselves by a key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argon2::password_hash::rand_core::{OsRng, RngCore};
use tokio::sync::watch;

/// The connections whose statements can be cancelled.
#[derive(Debug, Default)]
pub(super) struct Cancels(Mutex<HashMap<i32, (i32, watch::Sender<()>)>>);

/// One connection's entry, until dropped.
#[derive(Debug)]
pub(super) struct Cancellable {
    all: Arc<Cancels>,
    /// The number by which the connection is known.
    pub(super) id: i32,
    /// What proves a request.
    pub(super) key: i32,
    asked: watch::Receiver<()>,
}

impl Cancels {
    /// Makes a connection known.
    pub(super) fn enter(self: &Arc<Self>) -> Cancellable {
        let (sender, asked) = watch::channel(());
        let key = random();
        let mut known = self.known();
        let id = loop {
            let id = random() & i32::MAX;
            if id != 0 && !known.contains_key(&id) {
                break id;
            }
        };
        known.insert(id, (key, sender));
        Cancellable { all: Arc::clone(self), id, key, asked }
    }

    /// Cancels what runs on connection `id`, if `key` is its key.
    pub(super) fn cancel(&self, id: i32, key: i32) {
        if let Some((known, asked)) = self.known().get(&id)
            && *known == key
        {
            asked.send_replace(());
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<i32, (i32, watch::Sender<()>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cancellable {
    /// Forgets requests that came before: they were for statements that have ended.
    pub(super) fn begin(&mut self) {
        self.asked.mark_unchanged();
    }

    /// Returns when the client asks to cancel what has begun last.
    pub(super) async fn asked(&mut self) {
        if self.asked.changed().await.is_err() {
            // Nobody is left who could ask.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Cancellable {
    fn drop(&mut self) {
        self.all.known().remove(&self.id);
    }
}

fn random() -> i32 {
    let mut bytes = [0; 4];
    OsRng.fill_bytes(&mut bytes);
    i32::from_ne_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn only_the_key_cancels() {
        let all = Arc::new(Cancels::default());
        let mut entry = all.enter();
        all.cancel(entry.id, entry.key.wrapping_add(1));
        assert!(entry.asked().now_or_never().is_none());
        all.cancel(entry.id, entry.key);
        assert!(entry.asked().now_or_never().is_some());
        all.cancel(entry.id, entry.key);
        entry.begin();
        assert!(entry.asked().now_or_never().is_none());
        drop(entry);
        assert!(all.known().is_empty());
    }
}
