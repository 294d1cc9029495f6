//! Which blocks make up a day.
//!
//! A daily figure is as of the last block, by height, of that UTC day or before. Header times run backwards
//! here and there, so a day ends with the greatest height whose time is before its end, even if blocks
//! below it are of the next day.

/// Microseconds of a day.
pub(crate) const DAY_MICROS: i64 = 86_400_000_000;
/// Blocks whose median time a later block of Bitcoin has to exceed.
const MEDIAN_SPAN: usize = 11;

/// A whole day of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Day {
    /// When it begins, microseconds since 1970.
    pub(crate) start: i64,
    /// The last height of it, or of a day before if it has none.
    pub(crate) last: u64,
}

/// The whole days of a chain whose blocks from height `from` on have the header times `times`,
/// microseconds since 1970: from the day of the first block to the last that no later block can be of, nor
/// within `margin` after it.
pub(crate) fn whole_days(from: u64, times: &[i64], margin: i64) -> Vec<Day> {
    let Some(first) = times.iter().min() else { return Vec::new() };
    let open_from = median_of_last(times);
    let mut days = Vec::new();
    let mut start = first.div_euclid(DAY_MICROS) * DAY_MICROS;
    // For each height the least time of it and all above it: it never falls.
    let mut least = times.to_vec();
    for place in (1..least.len()).rev() {
        least[place - 1] = least[place - 1].min(least[place]);
    }
    while start + DAY_MICROS + margin <= open_from {
        let count = least.partition_point(|time| *time < start + DAY_MICROS) as u64;
        // The first day has a block, at the latest after those that come too early.
        if let Some(place) = count.checked_sub(1) {
            days.push(Day { start, last: from + place });
        }
        start += DAY_MICROS;
    }
    days
}

/// The moment before which no later block can be.
fn median_of_last(times: &[i64]) -> i64 {
    let mut last = times[times.len().saturating_sub(MEDIAN_SPAN)..].to_vec();
    last.sort_unstable();
    last[last.len() / 2]
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// By definition, looking at each block; and what is whole stays what it is when blocks are added.
        #[test]
        fn days_are_what_looking_at_each_block_says(
            steps in vec(-20i64..60, 1..80), later in vec(0i64..60, 0..40)
        ) {
            // Hours, in which no block is before the median of those below it.
            let mut times: Vec<i64> = Vec::new();
            for step in steps {
                let last = times.last().copied().unwrap_or(1_000_000);
                let least = if times.is_empty() { 0 } else { median_of_last(&times) + 1 };
                times.push((last + step * DAY_MICROS / 24).max(least));
            }
            let days = whole_days(7, &times, 0);
            for day in &days {
                let last = times.iter().rposition(|time| *time < day.start + DAY_MICROS);
                prop_assert_eq!(last.map(|place| 7 + place as u64), Some(day.last));
            }
            prop_assert!(days.windows(2).all(|pair| pair[1].start == pair[0].start + DAY_MICROS));
            for step in later {
                let last = times.last().copied().expect("there is one");
                let least = median_of_last(&times) + 1;
                times.push((last + (step - 20) * DAY_MICROS / 24).max(least));
            }
            let after = whole_days(7, &times, 0);
            prop_assert_eq!(&after[..days.len()], days.as_slice());
        }
    }

    #[test]
    fn a_day_without_blocks_ends_where_the_one_before_did() {
        let hour = DAY_MICROS / 24;
        let times = [1, 5 * hour, 49 * hour, 50 * hour, 97 * hour, 98 * hour, 99 * hour];
        let days = whole_days(0, &times, 0);
        let lasts: Vec<_> = days.iter().map(|day| day.last).collect();
        assert_eq!(lasts, [1, 1]);
        assert_eq!(whole_days(0, &times, 3 * hour), days[..1]);
        assert_eq!(whole_days(0, &[], 0), []);
    }
}
