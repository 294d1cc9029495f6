//! Reading what ethereum-etl wrote: CSV, or one JSON object per line.

use std::collections::BTreeMap;
use std::path::Path;

use assay_fixtures::shared;
use serde_json::value::RawValue;

/// A row by column, as CSV writes it: nothing where there is nothing.
pub type Fields = BTreeMap<String, String>;

/// The rows in `dir/name`, packed or not; `None` if there is no such file.
pub fn rows(dir: &Path, name: &str) -> Option<Vec<Fields>> {
    let paths = [dir.join(name), dir.join(format!("{name}.gz"))];
    let path = paths.iter().find(|path| path.is_file())?;
    let bytes = shared::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = String::from_utf8(bytes).expect("text");
    Some(if name.ends_with(".csv") { csv(&text) } else { text.lines().map(json).collect() })
}

/// `rows` by height, each block's in the order of `key`, which are numbers.
pub fn by_height(rows: Vec<Fields>, key: &[&str]) -> BTreeMap<u64, Vec<Fields>> {
    let number = |row: &Fields, name: &str| row[name].parse::<u64>().expect("a number");
    let mut blocks: BTreeMap<u64, Vec<Fields>> = BTreeMap::new();
    for row in rows {
        let name = if row.contains_key("block_number") { "block_number" } else { "number" };
        blocks.entry(number(&row, name)).or_default().push(row);
    }
    for rows in blocks.values_mut() {
        rows.sort_by_key(|row| key.iter().map(|name| number(row, name)).collect::<Vec<_>>());
    }
    blocks
}

/// The rows of CSV with a header.
fn csv(text: &str) -> Vec<Fields> {
    let mut lines = text.lines().map(fields);
    let names = lines.next().unwrap_or_default();
    lines
        .map(|line| {
            assert_eq!(line.len(), names.len(), "{line:?}");
            names.iter().cloned().zip(line).collect()
        })
        .collect()
}

/// The fields of a line of CSV; no field here has a line break.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        let field = fields.last_mut().expect("one at least");
        match char {
            '"' if is_quoted && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            char => field.push(char),
        }
    }
    fields
}

/// The row of a JSON object, each value as CSV writes it.
fn json(line: &str) -> Fields {
    // As they are written: numbers are larger than those that JSON is usually read to.
    let values: BTreeMap<String, Box<RawValue>> = serde_json::from_str(line).expect("an object");
    values.into_iter().map(|(name, value)| (name, plain(value.get()))).collect()
}

fn plain(value: &str) -> String {
    match value.as_bytes().first() {
        Some(b'n') => String::new(),
        Some(b'"') => serde_json::from_str(value).expect("a string"),
        Some(b'[') => {
            let items: Vec<Box<RawValue>> = serde_json::from_str(value).expect("a list");
            items.iter().map(|item| plain(item.get())).collect::<Vec<_>>().join(",")
        }
        Some(b'{') => withdrawal(&serde_json::from_str(value).expect("an object")),
        _ => value.to_owned(),
    }
}

/// A withdrawal: the only objects that there are in rows. CSV has them as JSON, in this order.
fn withdrawal(fields: &BTreeMap<String, Box<RawValue>>) -> String {
    let names = ["index", "validator_index", "address", "amount"];
    assert_eq!(fields.len(), names.len(), "{fields:?}");
    let field = |name: &str| format!("\"{name}\":{}", fields[name]);
    format!("{{{}}}", names.map(field).join(","))
}
