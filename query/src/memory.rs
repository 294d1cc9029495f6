//! The memory that the statements of a session share.
//!
//! The engine's own pool hands all memory to sorts and aggregates that can spill, and the merge
//! that spilling ends in, which cannot, finds nothing left: the statement fails although there is
//! disk. Here two thirds of the memory are out of reach of what can spill.
//!
//! # Invariants
//!
//! * Reservations together never exceed the limit, except those that the engine declares
//!   infallible.
//! * Operators that can spill hold at most a third of it, each the same share.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::common::human_readable_size;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

/// What part of the memory operators that can spill may hold. Merging what a sort holds takes its
/// keys again in another form, which for narrow rows is more than the rows themselves.
const SPILLABLE_SHARE: usize = 3;

/// The pool.
#[derive(Debug)]
pub(crate) struct SharedMemory {
    limit_bytes: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    spilling_consumers: usize,
    spillable_bytes: usize,
    other_bytes: usize,
}

impl Taken {
    fn of(&mut self, consumer: &MemoryConsumer) -> &mut usize {
        if consumer.can_spill() { &mut self.spillable_bytes } else { &mut self.other_bytes }
    }

    fn all_bytes(&self) -> usize {
        self.spillable_bytes + self.other_bytes
    }
}

impl SharedMemory {
    pub(crate) fn new(limit_bytes: usize) -> SharedMemory {
        SharedMemory { limit_bytes, taken: Mutex::default() }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryPool for SharedMemory {
    fn name(&self) -> &str {
        "shared"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.taken().spilling_consumers += usize::from(consumer.can_spill());
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.taken().spilling_consumers -= usize::from(consumer.can_spill());
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        *self.taken().of(reservation.consumer()) += additional;
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        *self.taken().of(reservation.consumer()) -= shrink;
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let mut taken = self.taken();
        let consumer = reservation.consumer();
        let left = self.limit_bytes.saturating_sub(taken.all_bytes());
        let fits = if consumer.can_spill() {
            let for_spilling = self.limit_bytes / SPILLABLE_SHARE;
            let share = for_spilling / taken.spilling_consumers.max(1);
            additional <= left && reservation.size().saturating_add(additional) <= share
        } else {
            additional <= left
        };
        if !fits {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "{} needs {} more, and of {} {} are taken",
                consumer.name(),
                human_readable_size(additional),
                human_readable_size(self.limit_bytes),
                human_readable_size(taken.all_bytes()),
            )));
        }
        *taken.of(consumer) += additional;
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.taken().all_bytes()
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit_bytes)
    }
}

impl fmt::Display for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), human_readable_size(self.limit_bytes))
    }
}

/// What one statement may take of the memory that all share.
#[derive(Debug)]
pub(crate) struct Portion {
    whole: Arc<dyn MemoryPool>,
    limit_bytes: usize,
    taken_bytes: AtomicUsize,
}

impl Portion {
    pub(crate) fn new(whole: Arc<dyn MemoryPool>, limit_bytes: usize) -> Portion {
        Portion { whole, limit_bytes, taken_bytes: AtomicUsize::new(0) }
    }
}

impl MemoryPool for Portion {
    fn name(&self) -> &str {
        "portion"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.whole.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.whole.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.taken_bytes.fetch_add(additional, Ordering::Relaxed);
        self.whole.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.taken_bytes.fetch_sub(shrink, Ordering::Relaxed);
        self.whole.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        // Taken first and given back if it was too much: two that ask at once cannot both have the rest.
        let taken = self.taken_bytes.fetch_add(additional, Ordering::Relaxed);
        let grown = if taken.saturating_add(additional) > self.limit_bytes {
            Err(DataFusionError::ResourcesExhausted(format!(
                "{} needs {} more, and of the {} that one statement may hold {} are taken",
                reservation.consumer().name(),
                human_readable_size(additional),
                human_readable_size(self.limit_bytes),
                human_readable_size(taken),
            )))
        } else {
            self.whole.try_grow(reservation, additional)
        };
        if grown.is_err() {
            self.taken_bytes.fetch_sub(additional, Ordering::Relaxed);
        }
        grown
    }

    fn reserved(&self) -> usize {
        self.taken_bytes.load(Ordering::Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit_bytes)
    }
}

impl fmt::Display for Portion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), human_readable_size(self.limit_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_its_portion_and_others_the_rest() {
        let whole: Arc<dyn MemoryPool> = Arc::new(SharedMemory::new(1_000));
        let portion: Arc<dyn MemoryPool> = Arc::new(Portion::new(Arc::clone(&whole), 300));
        let join = MemoryConsumer::new("join").register(&portion);
        let other = MemoryConsumer::new("other").register(&whole);
        join.try_grow(300).expect("its portion");
        let error = join.try_grow(1).expect_err("no more").to_string();
        assert!(error.contains("one statement may hold"), "{error}");
        other.try_grow(700).expect("the rest");
        join.shrink(100);
        assert_eq!((portion.reserved(), whole.reserved()), (200, 900));
        other.try_grow(100).expect("what was given back");
        join.try_grow(50).expect_err("nothing is left of the whole");
        assert_eq!(portion.reserved(), 200);
        drop((join, other));
        assert_eq!((portion.reserved(), whole.reserved()), (0, 0));
    }

    #[test]
    fn what_can_spill_shares_a_third_and_leaves_the_rest() {
        let pool: Arc<dyn MemoryPool> = Arc::new(SharedMemory::new(1_500));
        let sort = |name: &str| MemoryConsumer::new(name).with_can_spill(true).register(&pool);
        let (first, second) = (sort("first"), sort("second"));
        let merge = MemoryConsumer::new("merge").register(&pool);
        assert!(first.try_grow(251).is_err());
        first.try_grow(250).expect("its share");
        second.try_grow(250).expect("its share");
        merge.try_grow(1_000).expect("the rest");
        let error = merge.try_grow(1).expect_err("nothing is left").to_string();
        assert!(error.contains("merge needs 1.0 B more"), "{error}");
        drop(second);
        merge.try_grow(250).expect("what was given back");
        assert_eq!(pool.reserved(), 1_500);
        drop((first, merge));
        assert_eq!(pool.reserved(), 0);
    }
}
