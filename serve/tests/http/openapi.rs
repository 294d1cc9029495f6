//! The OpenAPI document: it says what there is, and there is what it says.

use std::collections::BTreeSet;

use serde_json::Value;

use super::client::{client, rows, url};
use crate::server::{Server, Setup};

fn document() -> Value {
    assay_serve::http::openapi()
}

/// Every operation: method, path, and what is said about it.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths
        .iter()
        .flat_map(|(path, item)| {
            let operations = item.as_object().expect("operations").iter();
            operations
                .map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
        })
        .collect()
}

/// The reference that `node` is, resolved.
fn resolved<'a>(document: &'a Value, node: &'a Value) -> &'a Value {
    match node["$ref"].as_str() {
        Some(reference) => {
            let pointer = reference.strip_prefix('#').expect("within the document");
            document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
        }
        None => node,
    }
}

#[test]
fn the_document_keeps_to_the_rules_of_openapi() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    for member in ["title", "version"] {
        assert!(document["info"][member].is_string(), "info.{member}");
    }
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        assert!(path.starts_with('/') && !path.contains(['{', '?', '#']), "{path}");
        assert!(matches!(method.as_str(), "GET" | "POST"), "{method}");
        let id = operation["operationId"].as_str().expect("an id");
        assert!(ids.insert(id.to_owned()), "{id} is there twice");
        let mut names = BTreeSet::new();
        for parameter in operation["parameters"].as_array().expect("parameters") {
            let name = parameter["name"].as_str().expect("a name");
            assert!(names.insert(name), "{id}: {name} is there twice");
            assert_eq!(parameter["in"], "query", "{id}: {name}");
            assert!(parameter["required"].is_boolean() && parameter["description"].is_string());
            schema(&document, &parameter["schema"]);
        }
        let responses = operation["responses"].as_object().expect("responses");
        assert!(!responses.is_empty());
        for (status, response) in responses {
            assert!(status == "default" || status.parse::<u16>().is_ok(), "{status}");
            let response = resolved(&document, response);
            assert!(response["description"].is_string(), "{id}: {status}");
            content(&document, &response["content"]);
        }
        if method == "GET" {
            assert!(operation.get("requestBody").is_none(), "{id}: GET has no body");
        } else {
            content(&document, &operation["requestBody"]["content"]);
        }
        let security = operation.get("security").unwrap_or(&document["security"]);
        for requirement in security.as_array().expect("requirements") {
            for scheme in requirement.as_object().expect("an object").keys() {
                let known = &document["components"]["securitySchemes"][scheme];
                assert_eq!(known["type"], "http", "{scheme}");
            }
        }
    }
}

fn content(document: &Value, content: &Value) {
    for (kind, media) in content.as_object().expect("media types") {
        let (class, rest) = kind.split_once('/').expect("a type and a subtype");
        assert!(!class.is_empty() && !rest.is_empty() && !kind.contains(' '), "{kind}");
        if let Some(of_media) = media.get("schema") {
            schema(document, of_media);
        }
    }
}

/// Checks a schema as JSON Schema 2020-12 has it, as far as ours go.
fn schema(document: &Value, node: &Value) {
    const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "null", "array", "object"];
    let node = resolved(document, node);
    let types = match &node["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        other => panic!("a schema without a type: {other} in {node}"),
    };
    assert!(types.iter().all(|kind| TYPES.contains(kind)), "{node}");
    if let Some(properties) = node.get("properties") {
        let properties = properties.as_object().expect("properties");
        properties.values().for_each(|property| schema(document, property));
        let required = node["required"].as_array().expect("what is required");
        assert!(
            required.iter().all(|name| properties.contains_key(name.as_str().expect("a name")))
        );
    }
    if let Some(items) = node.get("items") {
        schema(document, items);
    }
    for bound in
        ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "maxLength", "maxItems"]
    {
        assert!(node.get(bound).is_none_or(Value::is_number), "{bound} in {node}");
    }
}

/// Values of the schema of a parameter: the default, the bounds, the words; or known ones of a pattern.
fn values(name: &str, schema: &Value) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for bound in ["default", "minimum", "maximum"] {
        values.extend(schema.get(bound).map(text));
    }
    values.extend(schema["enum"].as_array().into_iter().flatten().map(text));
    match name {
        "asset" => values
            .extend(["ethereum", "0x00000000000000000000000000000000000000aa"].map(str::to_owned)),
        "at" => values.extend(["0", "2009-01-09", "2009-01-09T00:00:00Z"].map(str::to_owned)),
        "table" => values.push("bitcoin.blocks".to_owned()),
        "threshold" => values.push("0.999".to_owned()),
        "from" | "to" => values.push("2009-01-09".to_owned()),
        _ => assert!(!values.is_empty(), "{name} has neither words nor bounds"),
    }
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_documented_is_answered_and_nothing_else() {
    let server = Server::start(Setup::default()).await;
    let document = document();
    let served = client().get(url(&server, "/api/openapi.json")).send().await.expect("an answer");
    assert_eq!(served.json::<Value>().await.expect("JSON"), document);
    for (method, path, operation) in operations(&document) {
        let required = match path.as_str() {
            "/api/columns" => "table=bitcoin.blocks&",
            _ => "",
        };
        let send = async |query: String| {
            let url = url(&server, &format!("{path}?{query}"));
            let request = match method.as_str() {
                "GET" => client().get(url),
                _ => client().post(url).header("content-type", "text/plain").body("select 1"),
            };
            request.send().await.expect("an answer")
        };
        let plain = send(required.to_owned()).await;
        let kind = plain.headers()["content-type"].to_str().expect("a type").to_owned();
        assert_eq!(plain.status(), 200, "{path}: {}", plain.text().await.expect("text"));
        let kind = kind.split(';').next().unwrap_or_default();
        assert!(operation["responses"]["200"]["content"].get(kind).is_some(), "{path}: {kind}");
        for parameter in operation["parameters"].as_array().expect("parameters") {
            let name = parameter["name"].as_str().expect("a name");
            let required = if name == "table" { "" } else { required };
            for value in values(name, &parameter["schema"]) {
                let response = send(format!("{required}{name}={value}")).await;
                // Files are for other roles, and refused as such.
                let is_file = name == "format" && matches!(value.as_str(), "parquet" | "arrow");
                let expected = if is_file { 403 } else { 200 };
                let status = response.status();
                let text = response.text().await.unwrap_or_default();
                assert_eq!(status, expected, "{path} {name}={value}: {text}");
            }
            let nonsense = send(format!("{required}{name}=%3Cnonsense%3E")).await;
            assert_eq!(nonsense.status(), 400, "{path} {name}");
        }
        let unknown = send(format!("{required}unknown=1")).await;
        assert_eq!(unknown.status(), 400, "{path}: an unknown parameter");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_as_their_schema_says() {
    let server = Server::start(Setup::default()).await;
    server.analyze().await;
    let document = document();
    for (_, path, operation) in operations(&document) {
        let row = &operation["responses"]["200"]["content"]["application/json"]["schema"]["items"];
        let Some(properties) = row["properties"].as_object() else { continue };
        let query = if path == "/api/columns" { "?table=bitcoin.balances" } else { "" };
        let answer = rows(client().get(url(&server, &format!("{path}{query}")))).await;
        let answer = answer.as_array().expect("rows");
        assert!(!answer.is_empty(), "{path}");
        for given in answer {
            let given = given.as_object().expect("an object");
            let names: Vec<_> = given.keys().collect();
            assert_eq!(names, properties.keys().collect::<Vec<_>>(), "{path}");
            for (name, value) in given {
                let types = &properties[name]["type"];
                let is = |kind: &str| {
                    *types == kind
                        || types.as_array().is_some_and(|all| all.iter().any(|one| one == kind))
                };
                let right = match value {
                    Value::Null => is("null"),
                    Value::Bool(_) => is("boolean"),
                    Value::String(_) => is("string"),
                    Value::Number(number) => is("number") || is("integer") && number.is_i64(),
                    Value::Array(_) | Value::Object(_) => false,
                };
                assert!(right, "{path}: {name} is {value}, and not {types}");
            }
        }
    }
}
