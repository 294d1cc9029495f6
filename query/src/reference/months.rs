//! Months and years of days.

use arrow::temporal_conversions::timestamp_us_to_datetime;

/// The month in which the moment `micros`, microseconds since 1970, is, in months since the year 0.
pub(crate) fn month(micros: i64) -> i32 {
    // Far from any year that a date has.
    timestamp_us_to_datetime(micros).map_or(0, |moment| {
        let shown = moment.format("%Y%m").to_string();
        shown.parse::<i32>().map_or(0, |number| number / 100 * 12 + number % 100 - 1)
    })
}

/// The year in which the moment `micros`, microseconds since 1970, is.
pub(crate) fn year(micros: i64) -> i32 {
    month(micros).div_euclid(12)
}

#[test]
fn months_are_those_of_the_calendar() {
    use super::day;

    let of = |text| month(day(text).expect("a day"));
    assert_eq!(of("2020-01-01"), 2020 * 12);
    assert_eq!(of("2019-12-31"), 2020 * 12 - 1);
    assert_eq!(year(day("2019-12-31").expect("a day")), 2019);
}
