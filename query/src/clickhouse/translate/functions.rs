//! Functions by their names, and casts.

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;

use super::expression::Scope;
use super::kind::Kind;
use super::select::Term;

/// Digits of the greatest 64-bit number.
const INT64_DIGITS: u8 = 19;

/// The function `name` of `args`.
pub(super) fn call(name: &str, args: &[Expr], scope: &Scope<'_>) -> Option<Term> {
    match (name, args) {
        ("hex", [bytes]) => hex(scope.term(bytes)?),
        ("encode", [bytes, Expr::Literal(ScalarValue::Utf8(Some(format)), _)])
            if format == "hex" =>
        {
            hex(scope.term(bytes)?)
        }
        ("btc", [amount]) => moved_point(scope.term(amount)?, 8),
        ("gwei", [amount]) => moved_point(scope.term(amount)?, 9),
        ("ether", [amount]) => moved_point(scope.term(amount)?, 18),
        ("date_trunc", [Expr::Literal(ScalarValue::Utf8(Some(unit)), _), time]) => {
            truncated(unit, scope.term(time)?)
        }
        ("date_part", [Expr::Literal(ScalarValue::Utf8(Some(part)), _), time]) => {
            part_of(part, scope.term(time)?)
        }
        ("character_length", [text]) => {
            let text = scope.term(text).filter(|text| text.kind == Kind::Text)?;
            Some(Term::new(format!("toInt32(lengthUTF8({}))", text.sql), Kind::Int32))
        }
        ("octet_length", [text]) => {
            let text = scope.term(text)?;
            let is_counted = matches!(text.kind, Kind::Text | Kind::Bytes(_));
            let sql = format!("toInt32(length({}))", text.sql);
            is_counted.then(|| Term::new(sql, Kind::Int32))
        }
        ("starts_with", [text, Expr::Literal(prefix, _)]) => {
            let text = scope.term(text).filter(|text| text.kind == Kind::Text)?;
            let prefix = Kind::Text.constant(prefix)?;
            Some(Term::new(format!("startsWith({}, {prefix})", text.sql), Kind::Boolean))
        }
        _ => None,
    }
}

fn hex(bytes: Term) -> Option<Term> {
    let is_bytes = matches!(bytes.kind, Kind::Bytes(_));
    is_bytes.then(|| Term::new(format!("lower(hex({}))", bytes.sql), Kind::Text))
}

/// `amount` with its point moved: its digits times one at the last place are its digits.
fn moved_point(amount: Term, places: i8) -> Option<Term> {
    let (sql, scale) = match amount.kind {
        Kind::Int64 => (format!("toDecimal128({}, 0)", amount.sql), 0),
        Kind::Decimal(scale) => (amount.sql, scale),
        _ => return None,
    };
    let one = format!("toDecimal128('0.{:0>width$}', {places})", 1, width = places as usize);
    Some(Term::new(format!("({sql} * {one})"), Kind::Decimal(scale + places)))
}

/// The begin of the unit that `time` is in. A week may begin before 1970, where ClickHouse's moments
/// end.
fn truncated(unit: &str, time: Term) -> Option<Term> {
    if time.kind != Kind::Time {
        return None;
    }
    let sql = time.sql;
    let sql = match unit.to_ascii_lowercase().as_str() {
        "second" => sql,
        "minute" => format!("toStartOfMinute({sql})"),
        "hour" => format!("toStartOfHour({sql})"),
        "day" => format!("toStartOfDay({sql})"),
        "month" => format!("toDateTime(toStartOfMonth({sql}), 'UTC')"),
        "quarter" => format!("toDateTime(toStartOfQuarter({sql}), 'UTC')"),
        "year" => format!("toDateTime(toStartOfYear({sql}), 'UTC')"),
        _ => return None,
    };
    Some(Term::new(sql, Kind::Time))
}

fn part_of(part: &str, time: Term) -> Option<Term> {
    if time.kind != Kind::Time {
        return None;
    }
    let sql = time.sql;
    let sql = match part.to_ascii_lowercase().as_str() {
        "year" => format!("toYear({sql})"),
        "quarter" => format!("toQuarter({sql})"),
        "month" => format!("toMonth({sql})"),
        "day" => format!("toDayOfMonth({sql})"),
        "doy" => format!("toDayOfYear({sql})"),
        // Sunday is 0 here and 7 there.
        "dow" => format!("(toDayOfWeek({sql}) % 7)"),
        "hour" => format!("toHour({sql})"),
        "minute" => format!("toMinute({sql})"),
        "second" => format!("toSecond({sql})"),
        _ => return None,
    };
    Some(Term::new(format!("toInt32({sql})"), Kind::Int32))
}

fn has_all_digits(field: &FieldRef) -> bool {
    matches!(field.data_type(), DataType::Decimal128(DECIMAL128_MAX_PRECISION, _))
}

/// `term` as `to`, which is the kind of `field`: only where every value of the one is one of the
/// other.
pub(super) fn cast(term: Term, to: Kind, field: &FieldRef) -> Option<Term> {
    let sql = match (term.kind, to) {
        (from, to) if from == to && !matches!(to, Kind::Decimal(_) | Kind::WideDecimal(_)) => {
            term.sql
        }
        (Kind::Bytes(width), Kind::Bytes(None)) => {
            return Some(Term::new(term.sql, Kind::Bytes(width)));
        }
        (Kind::Int32, Kind::Int64) => format!("toInt64({})", term.sql),
        (Kind::Int32 | Kind::Int64, Kind::Float64) => format!("toFloat64({})", term.sql),
        (Kind::Int32 | Kind::Int64, Kind::Decimal(scale)) => match field.data_type() {
            DataType::Decimal128(digits, _) if digits - scale as u8 >= INT64_DIGITS => {
                format!("toDecimal128({}, {scale})", term.sql)
            }
            _ => return None,
        },
        (Kind::Int32 | Kind::Int64, Kind::WideDecimal(scale)) => match field.data_type() {
            DataType::Decimal256(digits, _) if digits - scale as u8 >= INT64_DIGITS => {
                format!("toDecimal256({}, {scale})", term.sql)
            }
            _ => return None,
        },
        (Kind::Decimal(from), Kind::Decimal(to)) if from == to && has_all_digits(field) => term.sql,
        (Kind::Decimal(from), Kind::WideDecimal(to)) if from == to => {
            format!("toDecimal256({}, {to})", term.sql)
        }
        (Kind::Time, Kind::Date) => format!("toDate32({})", term.sql),
        (Kind::Int32 | Kind::Int64, Kind::Text) => format!("toString({})", term.sql),
        _ => return None,
    };
    Some(Term::new(sql, to))
}
