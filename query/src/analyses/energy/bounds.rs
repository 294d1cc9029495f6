//! A figure with what it is at least and at most.

use std::ops::{Add, AddAssign, Mul};

/// A figure with what it is at least and at most.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    /// What it is at least.
    pub lower: f64,
    /// What it most likely is.
    pub best: f64,
    /// What it is at most.
    pub upper: f64,
}

impl Bounds {
    /// The same three times.
    pub const fn all(value: f64) -> Bounds {
        Bounds { lower: value, best: value, upper: value }
    }

    /// Each of the three by `function`.
    pub fn map(self, function: impl Fn(f64) -> f64) -> Bounds {
        Bounds {
            lower: function(self.lower),
            best: function(self.best),
            upper: function(self.upper),
        }
    }

    /// Whether they are in order.
    pub fn is_ordered(self) -> bool {
        self.lower <= self.best && self.best <= self.upper
    }
}

impl Add for Bounds {
    type Output = Bounds;

    fn add(self, other: Bounds) -> Bounds {
        Bounds {
            lower: self.lower + other.lower,
            best: self.best + other.best,
            upper: self.upper + other.upper,
        }
    }
}

impl AddAssign for Bounds {
    fn add_assign(&mut self, other: Bounds) {
        *self = *self + other;
    }
}

impl Mul for Bounds {
    type Output = Bounds;

    fn mul(self, other: Bounds) -> Bounds {
        Bounds {
            lower: self.lower * other.lower,
            best: self.best * other.best,
            upper: self.upper * other.upper,
        }
    }
}
