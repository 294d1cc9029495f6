//! Cuts heights into windows whose rows fit into memory.

use std::ops::Range;

/// Consecutive ranges that cover the heights from `start` on, one for each of `rows`, so that no
/// range has more than `rows_max` rows unless a single height in it has.
pub fn windows(start: u64, rows: &[u64], rows_max: u64) -> Vec<Range<u64>> {
    let mut windows: Vec<Range<u64>> = Vec::new();
    let mut held = 0;
    for (height, &rows) in (start..).zip(rows) {
        match windows.last_mut() {
            Some(window) if rows <= rows_max - held => {
                window.end = height + 1;
                held += rows;
            }
            _ => {
                windows.push(height..height + 1);
                held = rows.min(rows_max);
            }
        }
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_all_heights_and_hold_no_more_than_they_may() {
        let cut = windows(7, &[1, 2, 3, 4, 99, u64::MAX, 0], 5);
        assert_eq!(cut, [7..9, 9..10, 10..11, 11..12, 12..14]);
        assert_eq!(windows(0, &[0, 0, 6], 5), [0..2, 2..3]);
        assert!(windows(0, &[], 5).is_empty());
    }
}
