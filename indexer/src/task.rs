//! Waiting for work on other threads.

use tokio::task::JoinHandle;

/// The result of `task`. A panic in it goes on here; a task that is cancelled, as all are when the
/// program ends, has no result and nobody waits for it.
pub(crate) async fn join<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => std::future::pending().await,
        },
    }
}
