//! Name and password in a header, as HTTP and gRPC carry them (RFC 7617).

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Longest header that is looked at.
const HEADER_BYTES_MAX: usize = 4 << 10;
/// Clients differ in whether they pad.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a header `Authorization` says.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Authorization {
    /// A name and a password.
    Basic(String, String),
    /// A token.
    Bearer(String),
}

impl Authorization {
    /// Reads the header; `None` if it cannot be understood.
    pub(crate) fn read(header: &str) -> Option<Authorization> {
        if header.len() > HEADER_BYTES_MAX {
            return None;
        }
        let (scheme, rest) = header.split_once(' ')?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Authorization::Bearer(rest.to_owned()));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(BASE64.decode(rest).ok()?).ok()?;
        let (name, password) = text.split_once(':')?;
        Some(Authorization::Basic(name.to_owned(), password.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_come_out_whole() {
        let basic = |name: &str, password: &str| {
            Some(Authorization::Basic(name.to_owned(), password.to_owned()))
        };
        for (header, expected) in [
            ("Basic YWxpY2U6Y29ycmVjdCBob3JzZQ==", basic("alice", "correct horse")),
            ("basic YWxpY2U6Y29ycmVjdCBob3JzZQ", basic("alice", "correct horse")),
            ("Basic w6k6YTpi", basic("é", "a:b")),
            ("Basic Og==", basic("", "")),
            ("Bearer abc", Some(Authorization::Bearer("abc".to_owned()))),
            ("Basic !!!!", None),
            ("Basic YWxpY2U=", None),
            ("Basic //79Og==", None),
            ("Basic", None),
            ("Digest x", None),
            ("", None),
        ] {
            assert!(Authorization::read(header) == expected, "{header}");
        }
        let long = format!("Basic {}", "YWxp".repeat(2_000));
        assert!(Authorization::read(&long).is_none());
    }
}
