//! What is kept of a password: one form for protocols that send it, one for PostgreSQL's, which does not.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::rand_core::{OsRng, RngCore};
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use pgwire::api::auth::sasl::scram::gen_salted_password;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The fewest letters of a password.
pub const MIN_PASSWORD_LETTERS: usize = 10;
/// The most bytes of a password: nobody types more, and hashing takes time.
const MAX_PASSWORD_BYTES: usize = 1_000;
/// What RFC 7677 recommends; clients pay it at each connection.
const SCRAM_ITERATIONS: usize = 15_000;
const SALT_BYTES: usize = 16;

/// What is kept of a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Secret {
    pub argon2: String,
    #[serde(flatten)]
    pub scram: Scram,
}

/// What proves that a client of PostgreSQL knows a password, without the password being sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scram {
    /// Mixed into the password.
    #[serde(rename = "scram_salt", with = "digits")]
    pub salt: Vec<u8>,
    /// How often it is mixed.
    #[serde(rename = "scram_iterations")]
    pub iterations: usize,
    /// What comes out. Who knows it can log in by this protocol.
    #[serde(rename = "scram_salted_password", with = "digits")]
    pub salted_password: Vec<u8>,
}

impl std::fmt::Debug for Scram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scram").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

impl Scram {
    /// What is shown for `name`, which nobody has: its salt is the same each time, as a user's is.
    pub(super) fn of_nobody(pepper: &[u8], name: &str) -> Scram {
        let salt = Sha256::new_with_prefix(pepper).chain_update(name).finalize();
        let mut salted_password = vec![0; 32];
        OsRng.fill_bytes(&mut salted_password);
        let salt = salt[..SALT_BYTES].to_vec();
        Scram { salt, iterations: SCRAM_ITERATIONS, salted_password }
    }
}

/// Bytes as hex digits.
mod digits {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        hex::encode(bytes).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        hex::decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Secret {
    /// What to keep of `password`; says why if it is none.
    pub(super) fn new(password: &str) -> Result<Secret, String> {
        if password.chars().count() < MIN_PASSWORD_LETTERS {
            return Err(format!("a password has at least {MIN_PASSWORD_LETTERS} letters"));
        }
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(format!("a password has at most {MAX_PASSWORD_BYTES} bytes"));
        }
        let argon2 = Argon2::default()
            .hash_password(password.as_bytes(), &SaltString::generate(&mut OsRng))
            .map_err(|error| format!("the password cannot be hashed: {error}"))?
            .to_string();
        let mut salt = vec![0; SALT_BYTES];
        OsRng.fill_bytes(&mut salt);
        let salted_password = gen_salted_password(password, &salt, SCRAM_ITERATIONS);
        let scram = Scram { salt, iterations: SCRAM_ITERATIONS, salted_password };
        Ok(Secret { argon2, scram })
    }

    /// What is kept of a password that nobody has, to be checked in the place of none.
    pub(super) fn of_nobody() -> Secret {
        static NOBODY: LazyLock<Secret> = LazyLock::new(|| {
            let mut unknown = [0; 32];
            OsRng.fill_bytes(&mut unknown);
            Secret::new(&hex::encode(unknown)).expect("64 letters are a password")
        });
        NOBODY.clone()
    }

    /// Whether it is of `password`. Takes tens of milliseconds.
    pub(super) fn is_of(&self, password: &str) -> bool {
        let Ok(hash) = PasswordHash::new(&self.argon2) else { return false };
        password.len() <= MAX_PASSWORD_BYTES
            && Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
    }

    /// Why it cannot be used, if a hand has written it.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let scram = &self.scram;
        if PasswordHash::new(&self.argon2).is_err() {
            Some("argon2 is not a hash in PHC form")
        } else if scram.salt.is_empty() || scram.salted_password.len() != 32 {
            Some("scram_salt or scram_salted_password is too short")
        } else if scram.iterations == 0 {
            Some("scram_iterations is 0")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_of_its_password_alone() {
        let secret = Secret::new("correct horse").expect("a password");
        assert!(secret.is_of("correct horse"));
        assert!(!secret.is_of("correct horsf"));
        assert_eq!(secret.fault(), None);
        assert_ne!(secret, Secret::new("correct horse").expect("with another salt"));
        let text = format!("{secret:?}");
        assert!(!text.contains("salted_password"), "{text}");
    }

    #[test]
    fn short_and_long_passwords_are_refused() {
        assert!(Secret::new("short").expect_err("5 letters").contains("at least 10"));
        assert!(Secret::new(&"x".repeat(1_001)).expect_err("too many").contains("at most"));
    }
}
