//! How an amount is spread over those who hold it, and what measures of concentration say of that.

mod classes;
mod collected;

pub(crate) use classes::{Class, Classes};
pub(crate) use collected::{Collected, NotAnAmount};
