//! The statement in the body of a request, with its parameters.

use std::time::Duration;

use assay_query::output::Format;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use datafusion::common::{ParamValues, ScalarValue};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use super::failure::Failure;

/// The largest body that is taken: the longest statement, and room for JSON around it.
const BODY_BYTES_MAX: usize = (1 << 20) + (64 << 10);
/// The most parameters that a statement may have.
pub const PARAMETERS_MAX: usize = 1_000;
/// Types of bodies that are a statement and nothing else.
pub const SQL_TYPES: [&str; 2] = ["application/sql", "text/plain"];

/// What is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    sql: String,
    #[serde(default)]
    parameters: Vec<Value>,
    format: Option<String>,
}

/// A statement as it came.
#[derive(Debug)]
pub struct Asked {
    /// Its text.
    pub sql: String,
    /// What `$1` and so on stand for.
    pub parameters: Option<ParamValues>,
    /// The format that the body asks for.
    pub format: Option<Format>,
}

/// Reads a body; a client that takes longer than `time` for it is not waited for.
pub async fn read(headers: &HeaderMap, body: Body, time: Duration) -> Result<Asked, Failure> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = kind == "application/json";
    if !is_json && !SQL_TYPES.contains(&kind.as_str()) {
        let detail =
            "say what the body is: content-type: application/json, application/sql or text/plain";
        return Err(Failure::Http(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail.to_owned()));
    }
    let bytes = timeout(time, axum::body::to_bytes(body, BODY_BYTES_MAX)).await;
    let bytes = bytes.map_err(|_| {
        let detail = format!("the body did not come within {} s", time.as_secs_f64());
        Failure::Http(StatusCode::REQUEST_TIMEOUT, detail)
    })?;
    let bytes = bytes.map_err(|error| {
        if std::error::Error::source(&error)
            .is_some_and(|source| source.to_string().contains("length limit"))
        {
            let detail = format!("a body has at most {BODY_BYTES_MAX} bytes");
            Failure::Http(StatusCode::PAYLOAD_TOO_LARGE, detail)
        } else {
            Failure::bad(format!("the body cannot be read: {error}"))
        }
    })?;
    let text = std::str::from_utf8(&bytes);
    let text = text.map_err(|_| Failure::bad("the body is not UTF-8".to_owned()))?;
    if is_json {
        of_json(text)
    } else {
        Ok(Asked { sql: text.to_owned(), parameters: None, format: None })
    }
}

fn of_json(text: &str) -> Result<Asked, Failure> {
    let question: Question = serde_json::from_str(text)
        .map_err(|error| Failure::bad(format!("the body is not what it must be: {error}")))?;
    let format = question.format.map(|name| {
        Format::of_name(&name).ok_or_else(|| {
            let known = Format::ALL.map(Format::name).join(", ");
            Failure::bad(format!("format is one of {known}"))
        })
    });
    if question.parameters.len() > PARAMETERS_MAX {
        return Err(Failure::bad(format!("a statement has at most {PARAMETERS_MAX} parameters")));
    }
    let values =
        question.parameters.into_iter().enumerate().map(|(place, value)| scalar(place, value));
    let values = values.collect::<Result<Vec<_>, _>>()?;
    let parameters = (!values.is_empty()).then(|| ParamValues::from(values));
    Ok(Asked { sql: question.sql, parameters, format: format.transpose()? })
}

fn scalar(place: usize, value: Value) -> Result<ScalarValue, Failure> {
    let wrong = || {
        Failure::bad(format!("parameter ${} is no text, number, truth value or null", place + 1))
    };
    Ok(match value {
        Value::Null => ScalarValue::Null,
        Value::Bool(value) => ScalarValue::Boolean(Some(value)),
        Value::String(text) => ScalarValue::Utf8(Some(text)),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => ScalarValue::Int64(Some(number)),
            (None, Some(number), _) => ScalarValue::UInt64(Some(number)),
            (None, None, Some(number)) => ScalarValue::Float64(Some(number)),
            (None, None, None) => return Err(wrong()),
        },
        Value::Array(_) | Value::Object(_) => return Err(wrong()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn asked(kind: &str, body: &str) -> Result<Asked, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, kind.parse().expect("a header"));
        read(&headers, Body::from(body.to_owned()), Duration::from_secs(1)).await
    }

    #[tokio::test]
    async fn a_body_is_a_statement_or_an_object_with_one() {
        let plain = asked("text/plain; charset=utf-8", "select 1").await.expect("SQL");
        assert_eq!((plain.sql.as_str(), plain.format), ("select 1", None));
        let body = r#"{"sql":"select $1","parameters":[1,1.5,"x",true,null,18446744073709551615],"format":"csv"}"#;
        let json = asked("Application/JSON", body).await.expect("an object");
        assert_eq!(json.format, Some(Format::Csv));
        let Some(ParamValues::List(values)) = json.parameters else { panic!("a list") };
        let values: Vec<_> = values.iter().map(|value| value.value.to_string()).collect();
        assert_eq!(values, ["1", "1.5", "x", "true", "NULL", "18446744073709551615"]);
    }

    #[tokio::test]
    async fn what_is_neither_is_refused() {
        for (kind, body, status) in [
            ("application/json", "{", 400),
            ("application/json", "{\"sql\":1}", 400),
            ("application/json", "{\"sql\":\"select 1\",\"x\":1}", 400),
            ("application/json", "{\"sql\":\"select 1\",\"format\":\"xml\"}", 400),
            ("application/json", "{\"sql\":\"select $1\",\"parameters\":[[1]]}", 400),
            ("application/json", "\u{feff}{}", 400),
            ("application/x-www-form-urlencoded", "sql=select 1", 415),
            ("text/html", "select 1", 415),
        ] {
            let failure = asked(kind, body).await.expect_err(body);
            assert_eq!(failure.status().as_u16(), status, "{body}: {failure}");
        }
        let deep = format!("{{\"sql\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(
            asked("application/json", &deep).await.expect_err("deep").status().as_u16(),
            400
        );
        let long = " ".repeat(BODY_BYTES_MAX + 1);
        assert_eq!(asked("text/plain", &long).await.expect_err("long").status().as_u16(), 413);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, "text/plain".parse().expect("a header"));
        let never = futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>();
        let failure = read(&headers, Body::from_stream(never), Duration::from_secs(1)).await;
        assert_eq!(failure.expect_err("nothing came").status().as_u16(), 408);
    }
}
