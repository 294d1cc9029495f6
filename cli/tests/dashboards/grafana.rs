//! What Grafana makes of a statement before it asks its PostgreSQL data source.
//!
//! The browser replaces variables; the data source then replaces macros, by plain text and by the regular
//! expression `\$([_a-zA-Z0-9]+)\(([^\)]*)\)`, which sees neither quotes nor comments.

use std::collections::BTreeMap;

/// What a variable stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    One(String),
    Many(Vec<String>),
}

/// Variables by their names.
pub type Variables = BTreeMap<String, Chosen>;

/// The times that are shown, as macros write them.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub from: &'static str,
    pub to: &'static str,
    pub from_unix: i64,
    pub to_unix: i64,
}

/// All times that a simulated chain has.
pub const ALL_TIMES: Times = Times {
    from: "2009-01-03T00:00:00Z",
    to: "2033-05-18T03:33:20.123456789Z",
    from_unix: 1_230_940_800,
    to_unix: 2_000_000_000,
};

/// The statement that the server gets.
pub fn expand(sql: &str, variables: &Variables, times: &Times) -> Result<String, String> {
    let sql = replace_variables(sql, variables)?;
    let sql = sql
        .replace("$__interval_ms", "86400000")
        .replace("$__interval", "1d")
        .replace("$__unixEpochFrom()", &times.from_unix.to_string())
        .replace("$__unixEpochTo()", &times.to_unix.to_string());
    replace_macros(&sql, times)
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// `$name` in all of `sql`; what is no variable stays, for it may be a macro.
fn replace_variables(sql: &str, variables: &Variables) -> Result<String, String> {
    let mut replaced = String::new();
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once('$') {
        replaced.push_str(before);
        if after.starts_with('{') {
            return Err(format!("a variable is not written $name: ${after}"));
        }
        let end = after.find(|c| !is_word(c)).unwrap_or(after.len());
        let (name, following) = after.split_at(end);
        match variables.get(name) {
            // Whoever writes the statement puts the quotes of a single value.
            Some(Chosen::One(value)) => replaced.push_str(&value.replace('\'', "''")),
            Some(Chosen::Many(values)) => {
                let quoted = values.iter().map(|value| format!("'{}'", value.replace('\'', "''")));
                replaced.push_str(&quoted.collect::<Vec<_>>().join(","));
            }
            None => {
                replaced.push('$');
                replaced.push_str(name);
            }
        }
        rest = following;
    }
    Ok(replaced + rest)
}

fn replace_macros(sql: &str, times: &Times) -> Result<String, String> {
    let mut replaced = String::new();
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once('$') {
        replaced.push_str(before);
        let end = after.find(|c| !is_word(c)).unwrap_or(after.len());
        let (name, following) = after.split_at(end);
        let inside = following.strip_prefix('(').and_then(|inside| inside.split_once(')'));
        let Some((arguments, following)) = inside.filter(|_| !name.is_empty()) else {
            return Err(format!("nothing stands for ${name}"));
        };
        replaced.push_str(&expansion(name, arguments, following, times)?);
        rest = following;
    }
    Ok(replaced + rest)
}

fn expansion(
    name: &str,
    arguments: &str,
    following: &str,
    times: &Times,
) -> Result<String, String> {
    let mut arguments = arguments.split(',').map(str::trim);
    let column = arguments.next().unwrap_or_default();
    let mut width = || {
        let text = arguments.next().ok_or(format!("{name} has no interval"))?;
        seconds(text.trim_matches(['\'', '"']))
    };
    let Times { from, to, from_unix, to_unix } = times;
    Ok(match name {
        "__time" => format!("{column} AS \"time\""),
        "__timeEpoch" => format!("extract(epoch from {column}) as \"time\""),
        "__timeFilter" => format!("{column} BETWEEN '{from}' AND '{to}'"),
        "__timeFrom" => format!("'{from}'"),
        "__timeTo" => format!("'{to}'"),
        "__timeGroup" | "__timeGroupAlias" => {
            let width = width()?;
            let group = format!("floor(extract(epoch from {column})/{width})*{width}");
            let is_named = name == "__timeGroupAlias" || following.starts_with(',');
            if is_named { format!("{group} AS \"time\"") } else { group }
        }
        "__unixEpochFilter" => format!("{column} >= {from_unix} AND {column} <= {to_unix}"),
        "__unixEpochGroup" => {
            let width = width()?;
            format!("floor(({column})/{width})*{width}")
        }
        _ => return Err(format!("unknown macro {name}")),
    })
}

/// An interval such as `5m` in seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text} is no interval");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let count: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    let unit = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return Err(wrong()),
    };
    Ok(count * unit)
}

#[test]
fn variables_come_with_quotes_doubled_and_many_with_quotes_of_their_own() {
    let variables = Variables::from([
        ("asset".into(), Chosen::One("it's".into())),
        ("metric".into(), Chosen::Many(vec!["a".into(), "b'c".into()])),
    ]);
    let expanded = |sql| expand(sql, &variables, &ALL_TIMES);
    assert_eq!(
        expanded("x = '$asset' and y in ($metric)"),
        Ok("x = 'it''s' and y in ('a','b''c')".into())
    );
    assert_eq!(expanded("$assets"), Err("nothing stands for $assets".into()));
    assert!(expanded("${asset}").is_err());
}

#[test]
fn macros_become_what_the_data_source_makes_of_them() {
    let expanded = |sql| expand(sql, &Variables::new(), &ALL_TIMES);
    for (sql, expected) in [
        ("$__time(day)", "day AS \"time\""),
        ("$__timeEpoch(day)", "extract(epoch from day) as \"time\""),
        (
            "$__timeFilter(day)",
            "day BETWEEN '2009-01-03T00:00:00Z' AND '2033-05-18T03:33:20.123456789Z'",
        ),
        ("$__timeFrom()", "'2009-01-03T00:00:00Z'"),
        ("$__timeTo()", "'2033-05-18T03:33:20.123456789Z'"),
        ("$__timeGroup(t,'5m')", "floor(extract(epoch from t)/300)*300"),
        ("$__timeGroup(t, '1h', NULL), x", "floor(extract(epoch from t)/3600)*3600 AS \"time\", x"),
        ("$__timeGroupAlias(t,'1d')", "floor(extract(epoch from t)/86400)*86400 AS \"time\""),
        ("$__unixEpochFilter(u)", "u >= 1230940800 AND u <= 2000000000"),
        ("$__unixEpochGroup(u,'1w')", "floor((u)/604800)*604800"),
        ("$__unixEpochFrom(), $__interval_ms, $__interval", "1230940800, 86400000, 1d"),
        // An argument ends with the first parenthesis.
        (
            "$__timeFilter(f(t))",
            "f(t BETWEEN '2009-01-03T00:00:00Z' AND '2033-05-18T03:33:20.123456789Z')",
        ),
    ] {
        assert_eq!(expanded(sql).as_deref(), Ok(expected));
    }
    assert_eq!(expanded("$__timeFilters(t)"), Err("unknown macro __timeFilters".into()));
    assert_eq!(expanded("$__timeGroup(t)"), Err("__timeGroup has no interval".into()));
}
