//! Dates, times and intervals. PostgreSQL counts from 2000-01-01, Arrow from 1970-01-01.

use std::fmt::{self, Write};

use arrow::datatypes::IntervalMonthDayNano;

/// Days from one to the other.
const EPOCH_DAYS: i32 = 10_957;
const DAY_MICROS: i64 = 86_400_000_000;

/// A date as PostgreSQL counts it.
pub(in crate::postgres) fn days(since_1970: i32) -> i32 {
    since_1970.saturating_sub(EPOCH_DAYS)
}

/// A moment as PostgreSQL counts it.
pub(in crate::postgres) fn micros(since_1970: i64) -> i64 {
    since_1970.saturating_sub(i64::from(EPOCH_DAYS) * DAY_MICROS)
}

/// A date as Arrow counts it.
pub(in crate::postgres) fn days_from(since_2000: i32) -> i32 {
    since_2000.saturating_add(EPOCH_DAYS)
}

/// A moment as Arrow counts it.
pub(in crate::postgres) fn micros_from(since_2000: i64) -> i64 {
    since_2000.saturating_add(i64::from(EPOCH_DAYS) * DAY_MICROS)
}

/// A date in words.
pub(super) fn write_date(since_1970: i32, out: &mut impl Write) -> fmt::Result {
    let (year, month, day) = civil(i64::from(since_1970));
    // Years before the first are counted backwards, without a year 0.
    let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    write!(out, "{year:04}-{month:02}-{day:02}{era}")
}

/// A time of day in words.
pub(super) fn write_time(micros: i64, out: &mut impl Write) -> fmt::Result {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    write!(out, "{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)?;
    write_fraction(fraction, out)
}

/// A moment in words; with a time zone if it has one.
pub(super) fn write_timestamp(since_1970: i64, zone: bool, out: &mut impl Write) -> fmt::Result {
    let days = since_1970.div_euclid(DAY_MICROS);
    let (year, month, day) = civil(days);
    let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    write!(out, "{year:04}-{month:02}-{day:02} ")?;
    write_time(since_1970.rem_euclid(DAY_MICROS), out)?;
    if zone {
        out.write_str("+00")?;
    }
    out.write_str(era)
}

/// An interval in words.
pub(super) fn write_interval(interval: IntervalMonthDayNano, out: &mut impl Write) -> fmt::Result {
    let micros = interval.nanoseconds / 1_000;
    let mut parts = Vec::new();
    let mut part = |count: i32, unit: &str| {
        if count != 0 {
            let plural = if count == 1 { "" } else { "s" };
            parts.push(format!("{count} {unit}{plural}"));
        }
    };
    part(interval.months / 12, "year");
    part(interval.months % 12, "mon");
    part(interval.days, "day");
    if micros != 0 || parts.is_empty() {
        let mut time = String::new();
        if micros < 0 {
            time.push('-');
        }
        let micros = micros.unsigned_abs();
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        write!(time, "{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)?;
        write_fraction(i64::try_from(fraction).unwrap_or_default(), &mut time)?;
        parts.push(time);
    }
    out.write_str(&parts.join(" "))
}

fn write_fraction(micros: i64, out: &mut impl Write) -> fmt::Result {
    if micros == 0 {
        return Ok(());
    }
    let digits = format!("{micros:06}");
    write!(out, ".{}", digits.trim_end_matches('0'))
}

/// Year, month and day of a count of days since 1970-01-01, in the Gregorian calendar.
///
/// In eras of 400 years, 146,097 days each, whose years begin in March: then the day that comes every four
/// years is the last of its year. (Howard Hinnant, "chrono-compatible low-level date algorithms".)
fn civil(since_1970: i64) -> (i64, i64, i64) {
    let days = since_1970 + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamp(micros: i64) -> String {
        let mut out = String::new();
        write_timestamp(micros, true, &mut out).expect("a string");
        out
    }

    #[test]
    fn moments_are_written_as_postgresql_does() {
        assert_eq!(timestamp(1_231_006_505_000_000), "2009-01-03 18:15:05+00");
        assert_eq!(timestamp(951_782_400_000_001), "2000-02-29 00:00:00.000001+00");
        assert_eq!(timestamp(-1), "1969-12-31 23:59:59.999999+00");
        assert_eq!(timestamp(-62_135_596_800_000_000 - DAY_MICROS), "0001-12-31 00:00:00+00 BC");
        assert_eq!(micros(946_684_800_000_000), 0);
        assert_eq!(micros_from(micros(123)), 123);
    }

    #[test]
    fn intervals_are_written_as_postgresql_does() {
        let text = |months, days, nanos| {
            let mut out = String::new();
            let interval = IntervalMonthDayNano::new(months, days, nanos);
            write_interval(interval, &mut out).expect("a string");
            out
        };
        assert_eq!(text(14, -3, 0), "1 year 2 mons -3 days");
        assert_eq!(text(0, 0, 3_723_500_000_000), "01:02:03.5");
        assert_eq!(text(0, 1, -1_000_000_000), "1 day -00:00:01");
        assert_eq!(text(0, 0, 0), "00:00:00");
    }
}
