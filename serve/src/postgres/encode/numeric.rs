//! Numbers of any length, as PostgreSQL's `numeric` has them in binary: digits to the base of 10,000.

use bytes::{BufMut, BytesMut};

/// Decimal digits in one of the base of 10,000.
const GROUP: usize = 4;
const NEGATIVE: u16 = 0x4000;

/// Adds the number that `text` writes in decimal digits.
pub(super) fn put_binary(text: &str, out: &mut BytesMut) {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let whole_groups = whole.len().div_ceil(GROUP);
    // Filled up with zeros on both sides, so that groups begin at the point.
    let padded = format!(
        "{:0>front$}{:0<back$}",
        whole,
        fraction,
        front = whole_groups * GROUP,
        back = fraction.len().div_ceil(GROUP) * GROUP
    );
    let groups: Vec<i16> =
        padded.as_bytes().chunks(GROUP).map(|group| group.iter().fold(0, add_digit)).collect();
    let leading = groups.iter().take_while(|group| **group == 0).count();
    let end = groups.iter().rposition(|group| *group != 0).map_or(leading, |last| last + 1);
    let kept = &groups[leading..end];
    let short = |number: usize| i16::try_from(number).unwrap_or(i16::MAX);
    out.put_i16(short(kept.len()));
    out.put_i16(if kept.is_empty() { 0 } else { short(whole_groups) - short(leading) - 1 });
    out.put_u16(if negative && !kept.is_empty() { NEGATIVE } else { 0 });
    out.put_i16(short(fraction.len()));
    kept.iter().for_each(|group| out.put_i16(*group));
}

fn add_digit(number: i16, digit: &u8) -> i16 {
    number * 10 + i16::from(digit - b'0')
}

/// Reads a number from its binary form into decimal digits; `None` if it is none, or not finite.
pub(in crate::postgres) fn from_binary(bytes: &[u8]) -> Option<String> {
    let mut shorts = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let count = usize::from(shorts.next()?);
    let weight = i32::from(shorts.next()?.cast_signed());
    let sign = shorts.next()?;
    let scale = usize::from(shorts.next()?);
    let groups: Vec<u16> = shorts.collect();
    let is_number = sign == 0 || sign == NEGATIVE;
    if !is_number || groups.len() != count || groups.iter().any(|group| *group > 9_999) {
        return None;
    }
    let group = |place: i32| -> u16 {
        let index = usize::try_from(weight - place).ok();
        index.and_then(|index| groups.get(index)).copied().unwrap_or(0)
    };
    let whole: String =
        (0..=weight.max(0)).rev().map(|place| format!("{:04}", group(place))).collect();
    let places = i32::try_from(scale.div_ceil(GROUP)).ok()?;
    let fraction: String = (1..=places).map(|place| format!("{:04}", group(-place))).collect();
    let whole = whole.trim_start_matches('0');
    let sign = if sign == NEGATIVE { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if scale == 0 {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{}", &fraction[..scale])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(text: &str) -> Vec<u8> {
        let mut out = BytesMut::new();
        put_binary(text, &mut out);
        out.to_vec()
    }

    #[test]
    fn numbers_come_back() {
        let long = "9".repeat(76);
        for text in ["0", "1", "-1", "9999", "10000", "10000000000000000", "0.00000001", "-12.5"] {
            assert_eq!(from_binary(&binary(text)).as_deref(), Some(text));
        }
        assert_eq!(from_binary(&binary(&long)), Some(long.clone()));
        let mixed = format!("-{long}.{}", "000100020003");
        assert_eq!(from_binary(&binary(&mixed)), Some(mixed));
    }

    #[test]
    fn they_are_as_postgresql_writes_them() {
        // SELECT numeric_send(12345.678), of zero, and of a small one.
        assert_eq!(binary("12345.678"), [0, 3, 0, 1, 0, 0, 0, 3, 0, 1, 9, 41, 26, 124]);
        assert_eq!(binary("0.00"), [0, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(binary("0.0001"), [0, 1, 255, 255, 0, 0, 0, 4, 0, 1]);
    }

    #[test]
    fn what_is_no_number_is_none() {
        assert_eq!(from_binary(&[]), None);
        assert_eq!(from_binary(&[0, 0, 0, 0, 0xc0, 0, 0, 0]), None);
        assert_eq!(from_binary(&[0, 2, 0, 0, 0, 0, 0, 0, 0, 1]), None);
    }
}
