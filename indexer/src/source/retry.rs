//! How often a node is asked again, and after which pauses.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Longest pause that a node may ask for.
const LONGEST_WISH: Duration = Duration::from_secs(60);

/// How often a node is asked again, and after which pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often it is asked, the first time included.
    pub attempts: u32,
    /// The pause after the first attempt, about; it doubles with each.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry {
            attempts: 8,
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(20),
        }
    }
}

impl Retry {
    /// The pause after as many attempts as `done`, at least one: between half and all of what
    /// doubling gives, so that many that failed together do not come back together; or as long as
    /// the node `wishes`.
    pub(super) fn pause(&self, done: u32, wishes: Option<Duration>) -> Duration {
        let doubled = self.first_pause.saturating_mul(1 << (done.max(1) - 1).min(20));
        let most = doubled.min(self.longest_pause);
        let pause = most / 2 + (most / 2).mul_f64(chance());
        pause.max(wishes.unwrap_or_default().min(LONGEST_WISH))
    }
}

/// A random number from 0 to 1.
fn chance() -> f64 {
    // Each `RandomState` has other keys: random enough to spread requests.
    let random = RandomState::new().build_hasher().finish();
    random as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let retry = Retry {
            attempts: 9,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(1),
        };
        for (done, most) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1000), (4_000_000, 1000)] {
            let pause = retry.pause(done, None).as_millis();
            assert!(most / 2 <= pause && pause <= most, "{pause} after {done}");
        }
        assert_eq!(retry.pause(1, Some(Duration::from_secs(7))).as_secs(), 7);
        assert_eq!(retry.pause(1, Some(Duration::MAX)), LONGEST_WISH);
    }
}
