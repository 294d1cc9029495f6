//! Sizes, counts and durations as people write and read them.

use std::time::Duration;

use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use arrow::temporal_conversions::timestamp_us_to_datetime;
use assay_query::analyses::holdings::At;

/// Letters of a day without a time of day.
const DAY_CHARS: usize = "2021-03-01".len();
/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400_000_000;

/// The height, day or moment that `text` means; a day means its end.
pub fn parse_at(text: &str) -> Result<At, String> {
    if let Ok(height) = text.parse() {
        return Ok(At::Height(height));
    }
    let wrong = |_| {
        format!(
            "'{text}' is no height, day or moment: use one like 210000, 2021-03-01 or 2021-03-01T12:00:00"
        )
    };
    let micros = string_to_timestamp_nanos(text).map_err(wrong)?.div_euclid(1_000);
    Ok(At::Moment(if text.len() == DAY_CHARS { micros + DAY_MICROS - 1 } else { micros }))
}

/// A moment, microseconds since 1970, in UTC.
pub fn moment(micros: i64) -> String {
    timestamp_us_to_datetime(micros).map_or_else(
        || format!("{micros} µs"),
        |moment| moment.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}

/// The bytes that `text` means: a number with an optional unit, decimal (`kB`, `MB`, `GB`, `TB`)
/// or binary (`KiB`, `MiB`, `GiB`, `TiB`, or just `K`, `M`, `G`, `T`).
pub fn parse_bytes(text: &str) -> Result<usize, String> {
    let wrong = || format!("'{text}' is not a size: use one like 512MiB or 4GiB");
    let text = text.trim();
    let digits = text.find(|char: char| !char.is_ascii_digit() && char != '.');
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let unit: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        _ => return Err(wrong()),
    };
    let bytes = match number.parse::<u64>() {
        Ok(number) => number.checked_mul(unit),
        // A fraction such as 1.5GiB; the rounding is far below what the figure is used for.
        Err(_) => number.parse::<f64>().ok().map(|number| (number * unit as f64) as u64),
    };
    bytes.and_then(|bytes| usize::try_from(bytes).ok()).filter(|&bytes| bytes > 0).ok_or_else(wrong)
}

/// `bytes` in the unit that leaves one to three digits before the point.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64;
    let mut unit = "B";
    for next in UNITS {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = next;
    }
    format!("{size:.1} {unit}")
}

/// `number` with a comma between thousands.
pub fn count(number: impl Into<u128>) -> String {
    let digits = number.into().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `number` and the word for it: "1 row", "2 rows".
pub fn counted(number: u64, word: &str) -> String {
    format!("{} {word}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `elapsed` in words that are short: "0.31 s", "12 s", "4 min 5 s", "2 h 3 min".
pub fn duration(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match seconds {
        0..10 => format!("{:.2} s", elapsed.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_means_its_end_and_a_number_a_height() {
        assert_eq!(parse_at("210000"), Ok(At::Height(210_000)));
        assert_eq!(parse_at("1970-01-01T00:00:01"), Ok(At::Moment(1_000_000)));
        assert_eq!(parse_at("1970-01-02"), Ok(At::Moment(2 * DAY_MICROS - 1)));
        assert!(parse_at("yesterday").is_err_and(|error| error.contains("'yesterday'")));
        assert_eq!(moment(1_000_000), "1970-01-01T00:00:01Z");
    }

    #[test]
    fn sizes_are_read_in_both_kinds_of_units() {
        let cases = [
            ("4GiB", 4 << 30),
            ("4 gib", 4 << 30),
            ("4G", 4 << 30),
            ("512MB", 512_000_000),
            ("1.5KiB", 1536),
            ("77", 77),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "GiB", "-1", "4XB", "0", "1.2.3", "99999999999TiB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn figures_are_readable() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1 << 20), "1.0 MiB");
        assert_eq!(count(0u8), "0");
        assert_eq!(count(1_234_567u32), "1,234,567");
        assert_eq!(count(123u8), "123");
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(duration(Duration::from_millis(314)), "0.31 s");
        assert_eq!(duration(Duration::from_secs(3725)), "1 h 2 min");
    }
}
