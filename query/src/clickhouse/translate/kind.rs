//! Types that ClickHouse and the engine share, and constants of them.
//!
//! # Invariants
//!
//! * Values of one kind have one type in ClickHouse, `Nullable` or not.
//! * Two values are compared only if their kind is the same: bytes of unlike lengths are not, because
//!   ClickHouse fills up the shorter with zeros.

use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Date32Type, Decimal128Type,
    Decimal256Type, DecimalType, TimeUnit,
};
use assay_clickhouse::quote;
use assay_model::hex;
use datafusion::common::ScalarValue;

/// The first and the last day of ClickHouse's `Date32`, 1900-01-01 and 2299-12-31, from 1970.
const DAYS: std::ops::RangeInclusive<i32> = -25_567..=120_529;
/// Microseconds of a second.
const MICROS: i64 = 1_000_000;
/// Whole numbers up to this have an exact floating-point number.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Int32,
    Int64,
    Float64,
    Text,
    /// Bytes; so many in every value, if that is given.
    Bytes(Option<usize>),
    /// A moment: whole seconds.
    Time,
    Date,
    /// 38 digits, some after the point.
    Decimal(i8),
    /// 76 digits, some after the point.
    WideDecimal(i8),
    /// Lists are handed on and never looked into.
    List,
}

impl Kind {
    /// The kind of the engine's type `kind`; `None` if there is no such.
    pub(super) fn of(kind: &DataType) -> Option<Kind> {
        Some(match kind {
            DataType::Boolean => Kind::Boolean,
            DataType::Int32 => Kind::Int32,
            DataType::Int64 => Kind::Int64,
            DataType::Float64 => Kind::Float64,
            DataType::Utf8 => Kind::Text,
            DataType::Binary => Kind::Bytes(None),
            DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC" => {
                Kind::Time
            }
            DataType::Date32 => Kind::Date,
            DataType::Decimal128(_, scale) if *scale >= 0 => Kind::Decimal(*scale),
            DataType::Decimal256(_, scale) if *scale >= 0 => Kind::WideDecimal(*scale),
            DataType::List(_) => Kind::List,
            _ => return None,
        })
    }

    /// Whether values of the engine's type `kind` come of it.
    pub(super) fn is_of(self, kind: &DataType) -> bool {
        match self {
            Kind::Bytes(_) => *kind == DataType::Binary,
            _ => Kind::of(kind) == Some(self),
        }
    }

    /// Whether both order and compare its values alike. They do not where floating-point numbers
    /// are none (NaN) or zero with a sign.
    pub(super) fn has_order(self) -> bool {
        !matches!(self, Kind::Float64 | Kind::List)
    }

    /// The type in ClickHouse.
    fn name(self) -> String {
        match self {
            Kind::Boolean => "Bool".to_owned(),
            Kind::Int32 => "Int32".to_owned(),
            Kind::Int64 => "Int64".to_owned(),
            Kind::Float64 => "Float64".to_owned(),
            Kind::Text | Kind::Bytes(None) | Kind::List => "String".to_owned(),
            Kind::Bytes(Some(width)) => format!("FixedString({width})"),
            Kind::Time => "DateTime('UTC')".to_owned(),
            Kind::Date => "Date32".to_owned(),
            Kind::Decimal(scale) => format!("Decimal(38, {scale})"),
            Kind::WideDecimal(scale) => format!("Decimal(76, {scale})"),
        }
    }

    /// `value` as a constant of the kind; `None` if it has none.
    pub(super) fn constant(self, value: &ScalarValue) -> Option<String> {
        if value.is_null() {
            let is_null_of_kind = value.data_type().is_null() || self.is_of(&value.data_type());
            let null = || format!("CAST(NULL AS Nullable({}))", self.name());
            return (is_null_of_kind && self != Kind::List).then(null);
        }
        match (self, value) {
            (Kind::Boolean, ScalarValue::Boolean(Some(value))) => Some(value.to_string()),
            (Kind::Int32, ScalarValue::Int32(Some(value))) => Some(format!("toInt32({value})")),
            (Kind::Int64, ScalarValue::Int64(Some(value))) => Some(format!("toInt64({value})")),
            (Kind::Float64, ScalarValue::Float64(Some(value))) => Some(float(*value)),
            (Kind::Text, ScalarValue::Utf8(Some(text))) => text_constant(text),
            (Kind::Bytes(width), ScalarValue::Binary(Some(bytes))) => {
                let fits = width.is_none_or(|width| width == bytes.len());
                fits.then(|| format!("unhex('{}')", hex::encode(bytes)))
            }
            (Kind::Time, ScalarValue::TimestampMicrosecond(Some(micros), _)) => {
                let seconds = u32::try_from(micros / MICROS).ok()?;
                (micros % MICROS == 0).then(|| format!("toDateTime({seconds}, 'UTC')"))
            }
            (Kind::Date, ScalarValue::Date32(Some(days))) => {
                let date = Date32Type::to_naive_date_opt(*days)?;
                DAYS.contains(days).then(|| format!("toDate32('{date}')"))
            }
            (Kind::Decimal(scale), ScalarValue::Decimal128(Some(value), _, other)) => {
                let text = Decimal128Type::format_decimal(*value, DECIMAL128_MAX_PRECISION, scale);
                (scale == *other).then(|| format!("toDecimal128('{text}', {scale})"))
            }
            (Kind::WideDecimal(scale), ScalarValue::Decimal256(Some(value), _, other)) => {
                let text = Decimal256Type::format_decimal(*value, DECIMAL256_MAX_PRECISION, scale);
                (scale == *other).then(|| format!("toDecimal256('{text}', {scale})"))
            }
            _ => None,
        }
    }

    /// The same where it is compared: numbers need no type there.
    pub(super) fn operand(self, value: &ScalarValue) -> Option<String> {
        match (self, value) {
            (Kind::Int32, ScalarValue::Int32(Some(value))) => Some(value.to_string()),
            (Kind::Int64, ScalarValue::Int64(Some(value))) => Some(value.to_string()),
            _ => self.constant(value),
        }
    }
}

/// A floating-point number, bit for bit: ClickHouse reads decimal fractions only nearly.
fn float(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() <= MAX_EXACT && value.to_bits() != (-0.0f64).to_bits() {
        return format!("toFloat64({})", value as i64);
    }
    format!("reinterpretAsFloat64(toUInt64({}))", value.to_bits())
}

/// Text; `None` if it has characters that may end a statement.
fn text_constant(text: &str) -> Option<String> {
    (!text.contains('\0')).then(|| quote(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_is_exact_or_there_is_none() {
        let time = |micros| ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()));
        let bytes = |length| ScalarValue::Binary(Some(vec![0xab; length]));
        for (kind, value, constant) in [
            (
                Kind::Int64,
                ScalarValue::Int64(Some(i64::MIN)),
                Some("toInt64(-9223372036854775808)"),
            ),
            (Kind::Int64, ScalarValue::Int32(Some(1)), None),
            (Kind::Int64, ScalarValue::Int64(None), Some("CAST(NULL AS Nullable(Int64))")),
            (Kind::Text, ScalarValue::Utf8(Some(r"a'\".to_owned())), Some(r"'a\'\\'")),
            (Kind::Text, ScalarValue::Utf8(Some("\0".to_owned())), None),
            (Kind::Bytes(Some(2)), bytes(2), Some("unhex('abab')")),
            (Kind::Bytes(Some(2)), bytes(1), None),
            (Kind::Bytes(None), bytes(1), Some("unhex('ab')")),
            (Kind::Time, time(5_000_000), Some("toDateTime(5, 'UTC')")),
            (Kind::Time, time(5_000_001), None),
            (Kind::Time, time(-5_000_000), None),
            (Kind::Date, ScalarValue::Date32(Some(-1)), Some("toDate32('1969-12-31')")),
            (Kind::Date, ScalarValue::Date32(Some(200_000)), None),
            (
                Kind::Decimal(2),
                ScalarValue::Decimal128(Some(-5), 10, 2),
                Some("toDecimal128('-0.05', 2)"),
            ),
            (Kind::Decimal(0), ScalarValue::Decimal128(Some(5), 10, 2), None),
            (Kind::Float64, ScalarValue::Float64(Some(1e8)), Some("toFloat64(100000000)")),
            (
                Kind::Float64,
                ScalarValue::Float64(Some(0.1)),
                Some("reinterpretAsFloat64(toUInt64(4591870180066957722))"),
            ),
        ] {
            assert_eq!(kind.constant(&value).as_deref(), constant, "{value:?}");
        }
    }
}
