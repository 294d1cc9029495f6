//! What a dashboard asks, read from its file.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// A statement and what it is for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Panel or annotation, for people.
    pub by: String,
    pub sql: String,
    /// Whether the answer becomes series over time.
    pub is_series: bool,
    /// The names of columns or series that the panel has settings for.
    pub named: Vec<String>,
    /// The column that stands across, in panels that name one.
    pub across: Option<String>,
}

/// A variable whose values a statement answers.
#[derive(Clone, Debug)]
pub struct Variable {
    pub name: String,
    pub sql: String,
    pub is_multi: bool,
    /// The values that it has before the reader chooses.
    pub current: Vec<String>,
}

/// A dashboard.
#[derive(Debug)]
pub struct Dashboard {
    pub name: String,
    pub variables: Vec<Variable>,
    pub asked: Vec<Asked>,
}

/// All dashboards of the repository.
pub fn all() -> Vec<Dashboard> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards");
    let entries = fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let files = entries.map(|entry| entry.path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    files.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Dashboard {
    let content = fs::read_to_string(path).expect("a file");
    let json: Value = serde_json::from_str(&content).expect("JSON");
    let variables = list(&json["templating"]["list"]);
    let annotations = list(&json["annotations"]["list"]);
    let panels = list(&json["panels"]);
    Dashboard {
        name: path.file_name().expect("a name").to_string_lossy().into_owned(),
        variables: variables.iter().filter(|v| v["type"] == "query").map(variable).collect(),
        asked: annotations
            .iter()
            .filter(|annotation| annotation["target"]["rawSql"].is_string())
            .map(|annotation| asked(annotation, &annotation["target"]))
            .chain(panels.iter().flat_map(|panel| {
                list(&panel["targets"]).iter().map(|target| asked(panel, target))
            }))
            .collect(),
    }
}

fn variable(json: &Value) -> Variable {
    let current = match &json["current"]["value"] {
        Value::Array(values) => values.iter().map(text).collect(),
        value => vec![text(value)],
    };
    Variable {
        name: text(&json["name"]),
        sql: text(&json["query"]),
        is_multi: json["multi"] == true,
        current,
    }
}

fn asked(by: &Value, target: &Value) -> Asked {
    let title = by["title"].as_str().or(by["name"].as_str()).expect("a title");
    let overrides = list(&by["fieldConfig"]["overrides"]);
    Asked {
        by: title.to_owned(),
        sql: text(&target["rawSql"]),
        is_series: target["format"] == "time_series",
        named: overrides.iter().map(|rule| text(&rule["matcher"]["options"])).collect(),
        across: by["options"]["xField"].as_str().map(str::to_owned),
    }
}

fn list(json: &Value) -> &[Value] {
    json.as_array().map_or(&[], Vec::as_slice)
}

fn text(json: &Value) -> String {
    json.as_str().unwrap_or_else(|| panic!("no text: {json}")).to_owned()
}
