//! The forms in which clients send arrays, numbers and times.

use pgwire::api::Type;

use super::encode::from_wire;

pub(super) use from_wire::{days_from, micros_from, numeric};

/// The most items of an array.
const MAX_ITEMS: usize = 1 << 20;

/// The items of an array that is written as `{a,"b c",NULL}`; `None` if it is none, or nested.
pub(super) fn items(text: &str) -> Option<Vec<Option<String>>> {
    let inside = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut items = Vec::new();
    if inside.trim().is_empty() {
        return Some(items);
    }
    let mut letters = inside.chars().peekable();
    loop {
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        let mut item = String::new();
        let quoted = letters.next_if_eq(&'"').is_some();
        if quoted {
            loop {
                match letters.next()? {
                    '"' => break,
                    '\\' => item.push(letters.next()?),
                    letter => item.push(letter),
                }
            }
            while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        } else {
            while let Some(letter) = letters.next_if(|letter| *letter != ',') {
                match letter {
                    '{' | '}' | '"' => return None,
                    '\\' => item.push(letters.next()?),
                    letter => item.push(letter),
                }
            }
            item.truncate(item.trim_end().len());
        }
        let is_null = !quoted && item.eq_ignore_ascii_case("null");
        items.push((!is_null).then_some(item));
        match letters.next() {
            None => return Some(items),
            Some(',') if items.len() < MAX_ITEMS => {}
            Some(_) => return None,
        }
    }
}

/// The items of an array in binary form, with their type; `None` if `kind` is no array, it is malformed,
/// or it has more than one dimension.
pub(super) fn array<'a>(bytes: &'a [u8], kind: &Type) -> Option<(Type, Vec<Option<&'a [u8]>>)> {
    if !kind.name().starts_with('_') {
        return None;
    }
    let mut rest = bytes;
    let mut number = || {
        let (first, after) = rest.split_at_checked(4)?;
        rest = after;
        Some(i32::from_be_bytes(first.try_into().ok()?))
    };
    let dimensions = number()?;
    let _has_nulls = number()?;
    let element = Type::from_oid(number()?.cast_unsigned())?;
    if dimensions == 0 {
        return Some((element, vec![]));
    }
    let count = usize::try_from(number()?).ok()?;
    let _first_index = number()?;
    if dimensions != 1 || count > MAX_ITEMS {
        return None;
    }
    let mut items = Vec::new();
    for _ in 0..count {
        let (length, after) = rest.split_at_checked(4)?;
        let length = i32::from_be_bytes(length.try_into().ok()?);
        rest = after;
        items.push(match usize::try_from(length) {
            Ok(length) => {
                let (item, after) = rest.split_at_checked(length)?;
                rest = after;
                Some(item)
            }
            Err(_) => None,
        });
    }
    Some((element, items))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_arrays_are_read() {
        let some = |items: &[&str]| {
            Some(items.iter().map(|item| Some((*item).to_owned())).collect::<Vec<_>>())
        };
        assert_eq!(items("{}"), some(&[]));
        assert_eq!(items("{1, 2}"), some(&["1", "2"]));
        assert_eq!(
            items(r#"{"a b","q\"","\\x01","null"}"#),
            some(&["a b", "q\"", "\\x01", "null"])
        );
        assert_eq!(items("{null}"), Some(vec![None]));
        for wrong in ["", "1", "{", "{{1}}", "{\"a}", "{\"a\"b}"] {
            assert_eq!(items(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn malformed_arrays_are_none() {
        assert_eq!(array(&[0, 0, 0, 1], &Type::INT4_ARRAY), None);
        assert_eq!(array(&[], &Type::INT4), None);
        let long = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 127, 255, 255, 255, 0, 0, 0, 1];
        assert_eq!(array(&long, &Type::INT4_ARRAY), None);
    }
}
