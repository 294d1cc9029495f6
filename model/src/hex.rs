//! Hex text of short byte strings: hashes in messages, scripts in exports.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Lower-case hex text of `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    encode_into(bytes, &mut text);
    text
}

/// Appends the lower-case hex text of `bytes` to `text`.
pub fn encode_into(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)].into());
        text.push(DIGITS[usize::from(byte & 15)].into());
    }
}

/// The bytes that `text` spells in hex of either case; `None` if it does not.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

fn digit(text: u8) -> Option<u8> {
    char::from(text).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_is_the_inverse_of_encode() {
        let every_byte: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&every_byte)), Some(every_byte));
    }

    #[test]
    fn text_that_is_not_hex_is_refused() {
        assert_eq!(decode("abc"), None);
        assert_eq!(decode("zz"), None);
        assert_eq!(decode("é"), None);
        assert_eq!(decode("AbCd"), Some(vec![0xab, 0xcd]));
    }
}
