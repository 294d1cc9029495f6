//! What a source hands to decode: blocks as they came, with what decoding them needs.

pub mod bitcoin;
pub mod dao;
pub mod ethereum;
