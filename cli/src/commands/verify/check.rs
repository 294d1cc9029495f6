//! One check: how much it compared, and where it found something else than expected.

use std::fmt::{Arguments, Display};

use serde::Serialize;

/// How many differences of a check are shown.
pub const EXAMPLES_MAX: usize = 5;

/// A check and what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// One word.
    pub name: &'static str,
    /// What holds if there are no differences.
    pub description: &'static str,
    /// How many comparisons were made.
    pub compared: u64,
    /// How many of them found a difference.
    pub differences: u64,
    /// The first differences.
    pub examples: Vec<Difference>,
}

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The block.
    pub height: u64,
    /// What was compared.
    pub what: String,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

impl Check {
    /// A check that has compared nothing yet.
    pub fn new(name: &'static str, description: &'static str) -> Check {
        Check { name, description, compared: 0, differences: 0, examples: Vec::new() }
    }

    /// Compares what must be with what is.
    pub fn compare<T: PartialEq + Display>(
        &mut self,
        height: u64,
        what: Arguments<'_>,
        expected: T,
        found: T,
    ) {
        self.compared += 1;
        if expected != found {
            self.differ(height, what, expected, found);
        }
    }

    /// Notes a difference.
    pub fn differ(
        &mut self,
        height: u64,
        what: Arguments<'_>,
        expected: impl Display,
        found: impl Display,
    ) {
        self.differences += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(Difference {
                height,
                what: what.to_string(),
                expected: expected.to_string(),
                found: found.to_string(),
            });
        }
    }
}
