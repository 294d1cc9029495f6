//! The OpenAPI 3.1 document of [`ROUTES`].

use assay_query::MAX_SQL_BYTES;
use assay_query::output::Format;
use serde_json::{Map, Value, json};

use super::analyses::{Answer, Json};
use super::failure::PROBLEM_TYPE;
use super::parameters::{Kind, Parameter, Presence};
use super::routes::{Does, ROUTES, Route};
use super::statement::{PARAMETERS_MAX, SQL_TYPES};

/// The document.
pub fn document() -> Value {
    let mut paths = Map::new();
    for route in &ROUTES {
        let operations = paths.entry(route.path).or_insert_with(|| json!({}));
        operations[route.method.name().to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "assay",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Answers questions about blockchains. Times are UTC. Whole numbers that 64 bits cannot hold, exact decimals and bytes are text.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "password": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "password": { "type": "http", "scheme": "basic" } },
            "schemas": { "Problem": problem(), "Question": question() },
            "responses": { "Problem": {
                "description": "Why there are no rows",
                "content": { PROBLEM_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" } } },
            } },
        },
    })
}

fn operation(route: &Route) -> Value {
    let parameters: Vec<_> = route.parameters.iter().map(parameter).collect();
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.summary,
        "parameters": parameters,
        "responses": {
            "200": { "description": route.summary, "content": content(route.does) },
            "default": { "$ref": "#/components/responses/Problem" },
        },
    });
    if route.does.is_open() {
        operation["security"] = json!([]);
    }
    if matches!(route.does, Does::Sql) {
        let text = json!({ "schema": { "type": "string", "maxLength": MAX_SQL_BYTES } });
        let mut content = Map::new();
        content.insert(
            "application/json".to_owned(),
            json!({ "schema": { "$ref": "#/components/schemas/Question" } }),
        );
        for kind in SQL_TYPES {
            content.insert(kind.to_owned(), text.clone());
        }
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    operation
}

fn parameter(parameter: &Parameter) -> Value {
    let mut schema = match parameter.kind {
        Kind::Asset => json!({ "type": "string", "pattern": Kind::ASSET_PATTERN }),
        Kind::At => json!({ "type": "string", "pattern": Kind::AT_PATTERN }),
        Kind::Day => json!({ "type": "string", "pattern": Kind::DAY_PATTERN }),
        Kind::Table => json!({ "type": "string", "pattern": Kind::TABLE_PATTERN }),
        Kind::Word(words) => json!({ "type": "string", "enum": words }),
        Kind::Format => json!({ "type": "string", "enum": Format::ALL.map(Format::name) }),
        Kind::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Share => {
            json!({ "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1 })
        }
    };
    if let Presence::Default(default) = parameter.presence {
        let number = serde_json::from_str(default).ok().filter(Value::is_number);
        schema["default"] = number.unwrap_or_else(|| json!(default));
    }
    json!({
        "name": parameter.name,
        "in": "query",
        "required": parameter.presence == Presence::Required,
        "description": parameter.doc,
        "schema": schema,
    })
}

fn content(does: Does) -> Value {
    let row = match does {
        Does::Sql => json!({ "type": "object" }),
        Does::Analysis(analysis) => row(&analysis.columns()),
        Does::OpenApi => return json!({ "application/json": { "schema": { "type": "object" } } }),
        Does::Metrics | Does::Health => {
            return json!({ "text/plain": { "schema": { "type": "string" } } });
        }
    };
    let formats = Format::ALL.into_iter().map(|format| {
        let schema = match format {
            Format::Json => json!({ "schema": { "type": "array", "items": row } }),
            // One JSON document a line, which a schema of the whole cannot say.
            Format::Csv | Format::Ndjson => json!({ "schema": { "type": "string" } }),
            // Bytes: a media type without a schema, as OpenAPI 3.1 has it.
            Format::Parquet | Format::Arrow | Format::ArrowStream => json!({}),
        };
        (format.media_type().to_owned(), schema)
    });
    Value::Object(formats.collect())
}

fn row(columns: &[Answer]) -> Value {
    let properties: Map<_, _> = columns
        .iter()
        .map(|column| {
            let kind = match column.kind {
                Json::Text => json!("string"),
                Json::MaybeText => json!(["string", "null"]),
                Json::Boolean => json!("boolean"),
                Json::Integer => json!("integer"),
                Json::MaybeInteger => json!(["integer", "null"]),
                Json::Number => json!("number"),
                Json::MaybeNumber => json!(["number", "null"]),
            };
            (column.name.to_owned(), json!({ "type": kind, "description": column.doc }))
        })
        .collect();
    let required: Vec<_> = columns.iter().map(|column| column.name).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn question() -> Value {
    json!({
        "type": "object",
        "properties": {
            "sql": {
                "type": "string",
                "maxLength": MAX_SQL_BYTES,
                "description": "One statement; $1, $2 and so on stand for parameters.",
            },
            "parameters": {
                "type": "array",
                "maxItems": PARAMETERS_MAX,
                "items": { "type": ["string", "number", "boolean", "null"] },
                "description": "What $1, $2 and so on stand for.",
            },
            "format": { "type": "string", "enum": Format::ALL.map(Format::name) },
        },
        "required": ["sql"],
        "additionalProperties": false,
    })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457",
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "What went wrong, for people." },
            "sqlstate": { "type": "string", "pattern": "^[0-9A-Z]{5}$", "description": "What went wrong, for programs." },
            "position": { "type": "integer", "minimum": 1, "description": "Where in the SQL text, in letters from 1." },
        },
        "required": ["type", "title", "status", "detail"],
    })
}
