//! What was done before something failed.

/// Items that are done, and the reason why those behind them are not.
#[derive(Debug)]
pub struct Attempt<T, E> {
    /// What is done.
    pub done: T,
    /// Why there is no more; `None` if all is done.
    pub failure: Option<E>,
}

impl<T, E> Attempt<Vec<T>, E> {
    /// Does `work` for each of `items`, in order, up to the first failure.
    pub fn each<I>(
        items: impl IntoIterator<Item = I>,
        mut work: impl FnMut(I) -> Result<T, E>,
    ) -> Attempt<Vec<T>, E> {
        let mut done = Vec::new();
        for item in items {
            match work(item) {
                Ok(item) => done.push(item),
                Err(error) => return Attempt { done, failure: Some(error) },
            }
        }
        Attempt { done, failure: None }
    }
}
