//! The values of a statement's parameters, as clients send them.

use arrow::datatypes::{DataType, TimeUnit};
use bytes::Bytes;
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::common::{ParamValues, ScalarValue};
use pgwire::api::Type;

use super::encode::Format;
use super::values_in;
use crate::ServeError;

const UTC: &str = "UTC";

/// The values that `values` stand for, in the formats of `codes`.
///
/// `types` are those of the wire; `inferred` those that the statement wants, where it says so.
pub(super) fn values(
    values: &[Option<Bytes>],
    codes: &[i16],
    types: &[Type],
    inferred: &[Option<DataType>],
) -> Result<ParamValues, ServeError> {
    let value = |(index, value): (usize, &Option<Bytes>)| {
        let kind = types.get(index).unwrap_or(&Type::TEXT);
        // Of a list that is cast to its type nothing else is wanted.
        let is_list = matches!(arrow_type(kind), Some(DataType::List(_)));
        let wanted = inferred.get(index).and_then(Option::as_ref).filter(|_| !is_list);
        let scalar = match value {
            None => match wanted {
                Some(wanted) => ScalarValue::try_from(wanted)?,
                None => ScalarValue::Null,
            },
            Some(bytes) => match Format::of(codes, index) {
                Format::Text => of_text(text_of(bytes)?, kind, wanted, index)?,
                Format::Binary => of_binary(bytes, kind, index)?,
            },
        };
        Ok(ScalarAndMetadata::new(fitted(scalar, wanted), None))
    };
    let values = values.iter().enumerate().map(value).collect::<Result<_, ServeError>>()?;
    Ok(ParamValues::List(values))
}

/// The values of `EXECUTE`, which are text.
pub(super) fn literals(
    values: &[Option<String>],
    types: &[Type],
    inferred: &[Option<DataType>],
) -> Result<ParamValues, ServeError> {
    let bytes: Vec<_> = values
        .iter()
        .map(|value| value.as_ref().map(|text| Bytes::copy_from_slice(text.as_bytes())))
        .collect();
    self::values(&bytes, &[], types, inferred)
}

/// In the type that the statement wants, if that can be had without a loss.
fn fitted(value: ScalarValue, wanted: Option<&DataType>) -> ScalarValue {
    match wanted {
        // Text beside bytes is settled by the query layer: digits of a hash may be written plainly.
        Some(DataType::Binary) if matches!(value, ScalarValue::Utf8(_)) => value,
        Some(wanted) => value.cast_to(wanted).unwrap_or(value),
        None => value,
    }
}

fn text_of(bytes: &[u8]) -> Result<&str, ServeError> {
    std::str::from_utf8(bytes)
        .map_err(|_| ServeError::BadValue("a parameter is not UTF-8".to_owned()))
}

fn of_text(
    text: &str,
    kind: &Type,
    wanted: Option<&DataType>,
    index: usize,
) -> Result<ScalarValue, ServeError> {
    let arrow = match arrow_type(kind) {
        Some(DataType::Utf8) | None => match wanted {
            Some(wanted) => wanted.clone(),
            None => return Ok(ScalarValue::from(text)),
        },
        Some(arrow) => arrow,
    };
    let wrong = || ServeError::BadValue(format!("parameter ${} is no {kind}: '{text}'", index + 1));
    match &arrow {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(ScalarValue::from(text)),
        DataType::Binary => match text.strip_prefix("\\x") {
            Some(digits) => {
                Ok(ScalarValue::Binary(Some(hex::decode(digits).map_err(|_| wrong())?)))
            }
            None => Ok(ScalarValue::from(text)),
        },
        DataType::Boolean => match text.trim().to_ascii_lowercase().as_str() {
            "t" | "true" | "on" | "yes" | "1" => Ok(ScalarValue::from(true)),
            "f" | "false" | "off" | "no" | "0" => Ok(ScalarValue::from(false)),
            _ => Err(wrong()),
        },
        DataType::List(item) => {
            let items = values_in::items(text).ok_or_else(wrong)?;
            let item_type = item.data_type().clone();
            let element = super::encode::parameter_type(Some(&item_type));
            let scalar = |item: Option<String>| match item {
                Some(item) => {
                    let value = of_text(&item, &element, Some(&item_type), index)?;
                    Ok(value.cast_to(&item_type).map_err(|_| wrong())?)
                }
                None => Ok(ScalarValue::try_from(&item_type)?),
            };
            let items = items.into_iter().map(scalar).collect::<Result<Vec<_>, ServeError>>()?;
            Ok(ScalarValue::List(ScalarValue::new_list_nullable(&items, &item_type)))
        }
        other => ScalarValue::try_from_string(text.trim().to_owned(), other).map_err(|_| wrong()),
    }
}

fn of_binary(bytes: &[u8], kind: &Type, index: usize) -> Result<ScalarValue, ServeError> {
    let wrong = || ServeError::BadValue(format!("parameter ${} is no {kind}", index + 1));
    let i16s = || bytes.try_into().map(i16::from_be_bytes).map_err(|_| wrong());
    let i32s = || bytes.try_into().map(i32::from_be_bytes).map_err(|_| wrong());
    let i64s = || bytes.try_into().map(i64::from_be_bytes).map_err(|_| wrong());
    Ok(match *kind {
        Type::BOOL => ScalarValue::from(*bytes.first().ok_or_else(wrong)? != 0),
        Type::INT2 => ScalarValue::from(i16s()?),
        Type::INT4 => ScalarValue::from(i32s()?),
        Type::OID => ScalarValue::from(i64::from(i32s()?.cast_unsigned())),
        Type::INT8 => ScalarValue::from(i64s()?),
        Type::FLOAT4 => {
            ScalarValue::from(bytes.try_into().map(f32::from_be_bytes).map_err(|_| wrong())?)
        }
        Type::FLOAT8 => {
            ScalarValue::from(bytes.try_into().map(f64::from_be_bytes).map_err(|_| wrong())?)
        }
        Type::BYTEA => ScalarValue::Binary(Some(bytes.to_vec())),
        Type::DATE => ScalarValue::Date32(Some(values_in::days_from(i32s()?))),
        Type::TIME => ScalarValue::Time64Microsecond(Some(i64s()?)),
        Type::TIMESTAMP => {
            ScalarValue::TimestampMicrosecond(Some(values_in::micros_from(i64s()?)), None)
        }
        Type::TIMESTAMPTZ => ScalarValue::TimestampMicrosecond(
            Some(values_in::micros_from(i64s()?)),
            Some(UTC.into()),
        ),
        Type::NUMERIC => {
            decimal(&values_in::numeric(bytes).ok_or_else(wrong)?).ok_or_else(wrong)?
        }
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::JSON => {
            ScalarValue::from(text_of(bytes)?)
        }
        _ => match values_in::array(bytes, kind) {
            Some((element, items)) => {
                let item_type = arrow_type(&element).ok_or_else(wrong)?;
                let scalar = |item: Option<&[u8]>| match item {
                    Some(item) => {
                        let value = of_binary(item, &element, index)?;
                        Ok(value.cast_to(&item_type).map_err(|_| wrong())?)
                    }
                    None => Ok(ScalarValue::try_from(&item_type)?),
                };
                let items =
                    items.into_iter().map(scalar).collect::<Result<Vec<_>, ServeError>>()?;
                ScalarValue::List(ScalarValue::new_list_nullable(&items, &item_type))
            }
            None => {
                return Err(ServeError::Unsupported(format!(
                    "parameter ${}: {kind} in binary form is not supported",
                    index + 1
                )));
            }
        },
    })
}

/// A number of up to 76 digits.
fn decimal(text: &str) -> Option<ScalarValue> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count().max(1);
    let scale = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let (digits, scale) = (u8::try_from(digits).ok()?, i8::try_from(scale).ok()?);
    let kind = if digits <= 38 {
        DataType::Decimal128(digits, scale)
    } else {
        DataType::Decimal256(digits, scale)
    };
    ScalarValue::try_from_string(text.to_owned(), &kind).ok()
}

/// The type of Arrow that values of `kind` are read as.
pub(super) fn arrow_type(kind: &Type) -> Option<DataType> {
    let micros = TimeUnit::Microsecond;
    Some(match *kind {
        Type::BOOL => DataType::Boolean,
        Type::INT2 => DataType::Int16,
        Type::INT4 => DataType::Int32,
        Type::INT8 | Type::OID => DataType::Int64,
        Type::FLOAT4 => DataType::Float32,
        Type::FLOAT8 => DataType::Float64,
        Type::BYTEA => DataType::Binary,
        Type::DATE => DataType::Date32,
        Type::TIME => DataType::Time64(micros),
        Type::TIMESTAMP => DataType::Timestamp(micros, None),
        Type::TIMESTAMPTZ => DataType::Timestamp(micros, Some(UTC.into())),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => DataType::Utf8,
        Type::BOOL_ARRAY => list(DataType::Boolean),
        Type::INT2_ARRAY => list(DataType::Int16),
        Type::INT4_ARRAY => list(DataType::Int32),
        Type::INT8_ARRAY => list(DataType::Int64),
        Type::FLOAT8_ARRAY => list(DataType::Float64),
        Type::BYTEA_ARRAY => list(DataType::Binary),
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY => list(DataType::Utf8),
        _ => return None,
    })
}

fn list(item: DataType) -> DataType {
    DataType::new_list(item, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str, kind: Type, wanted: Option<DataType>) -> Result<ScalarValue, ServeError> {
        let bytes = [Some(Bytes::copy_from_slice(text.as_bytes()))];
        one(values(&bytes, &[0], &[kind], &[wanted]))
    }

    fn binary(
        bytes: &[u8],
        kind: Type,
        wanted: Option<DataType>,
    ) -> Result<ScalarValue, ServeError> {
        let bytes = [Some(Bytes::copy_from_slice(bytes))];
        one(values(&bytes, &[1], &[kind], &[wanted]))
    }

    fn one(values: Result<ParamValues, ServeError>) -> Result<ScalarValue, ServeError> {
        match values? {
            ParamValues::List(mut values) => Ok(values.remove(0).value().clone()),
            ParamValues::Map(_) => panic!("a list"),
        }
    }

    #[test]
    fn text_becomes_what_the_statement_wants() {
        let int = text("7", Type::UNKNOWN, Some(DataType::Int64)).expect("a number");
        assert_eq!(int, ScalarValue::from(7_i64));
        assert_eq!(text("7", Type::TEXT, None).expect("text"), ScalarValue::from("7"));
        let bytes = text("\\x00ff", Type::BYTEA, Some(DataType::Binary)).expect("bytes");
        assert_eq!(bytes, ScalarValue::Binary(Some(vec![0, 255])));
        // Digits alone are for the query layer.
        let digits = text("00ff", Type::BYTEA, Some(DataType::Binary)).expect("digits");
        assert_eq!(digits, ScalarValue::from("00ff"));
        let wrong = text("seven", Type::INT4, None).expect_err("no number");
        assert_eq!((wrong.sqlstate(), wrong.to_string().contains("$1")), ("22P02", true));
        let list = text("{1,NULL}", Type::INT4_ARRAY, None).expect("a list");
        assert_eq!(list.to_string(), "[1, ]");
    }

    #[test]
    fn bytes_become_what_they_say_they_are() {
        let int =
            binary(&7_i32.to_be_bytes(), Type::INT4, Some(DataType::Int64)).expect("a number");
        assert_eq!(int, ScalarValue::from(7_i64));
        let time = binary(&0_i64.to_be_bytes(), Type::TIMESTAMPTZ, None).expect("a time");
        assert_eq!(
            time,
            ScalarValue::TimestampMicrosecond(Some(946_684_800_000_000), Some("UTC".into()))
        );
        binary(b"short", Type::INT8, None).expect_err("five bytes");
        binary(&[0xff], Type::TEXT, None).expect_err("no UTF-8");
        let list = [
            0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, b'a', 0, 0, 0,
            1, b'b',
        ];
        let list = binary(&list, Type::TEXT_ARRAY, None).expect("a list");
        assert_eq!(list.to_string(), "[a, b]");
    }
}
