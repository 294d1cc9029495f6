//! Runs all that the dashboards ask, as Grafana does, over a simulated chain.
//!
//! What is drawn of it takes a browser and Grafana itself, and is not tested here.

mod answer;
mod dashboard;
mod grafana;
mod lake;

use answer::{Answer, Server};
use dashboard::{Asked, Dashboard, Variable};
use grafana::{ALL_TIMES, Chosen, Variables, expand};
use lake::Lake;

#[tokio::test]
async fn all_that_dashboards_ask_is_answered() {
    let lake = Lake::computed();
    let engine = Server::engine(&lake).await;
    let wire = Server::wire(&lake).await;
    for dashboard in dashboard::all() {
        let readers = readers(&engine, &dashboard).await;
        assert!(readers.len() > 1, "{readers:?}");
        for reader in &readers {
            for asked in &dashboard.asked {
                let answer = ask(&engine, &asked.sql, reader).await;
                check(asked, &answer, reader);
                // Those before differ in their rows, not in what they are asked by.
                if shows_the_last(reader) {
                    let sent = ask(&wire, &asked.sql, reader).await;
                    check(asked, &sent, reader);
                    assert_eq!(sent.columns, answer.columns, "{}", asked.by);
                    assert_eq!(sent.rows.len(), answer.rows.len(), "{}", asked.by);
                }
            }
        }
        let hostile = hostile(&dashboard, &readers[0]);
        for asked in &dashboard.asked {
            let sql = expand(&asked.sql, &hostile, &ALL_TIMES).expect(&asked.sql);
            // A function may say that there is no such chain.
            let rows = wire.ask(&sql).await.map_or(0, |answer| answer.rows.len());
            assert_eq!(rows, 0, "{}", asked.by);
        }
        for variable in &dashboard.variables {
            let values = values(&engine, variable, &readers[0]).await;
            assert_eq!(self::values(&wire, variable, &readers[0]).await, values);
        }
    }
    for server in [&engine, &wire] {
        brackets_are_in_whole_coins(server).await;
    }
    wire.stop().await;
}

/// What readers may choose: the first, the middle and the last value of each variable together with those of
/// all others, as far as the variables before it allow; of several at once, all. Of a variable whose values depend
/// on no other, one reader tries each. The first reader chooses nothing.
async fn readers(server: &Server, dashboard: &Dashboard) -> Vec<Variables> {
    let mut readers = vec![Variables::new()];
    for variable in &dashboard.variables {
        let mut more = Vec::new();
        let is_subject = variable.name == dashboard.variables[0].name;
        let is_alone = !is_subject && !variable.sql.contains('$');
        for reader in readers {
            let values = values(server, variable, &reader).await;
            if more.is_empty() {
                let missing = variable.current.iter().find(|value| !values.contains(value));
                assert_eq!(missing, None, "{} begins with none of {values:?}", variable.name);
            }
            let picked = picked(variable, values, more.is_empty() || is_alone);
            let tried = if is_alone && !more.is_empty() { 1 } else { picked.len() };
            for chosen in picked.into_iter().take(tried) {
                let mut reader = reader.clone();
                reader.insert(variable.name.clone(), chosen);
                more.push(reader);
            }
        }
        readers = more;
    }
    readers
}

async fn values(server: &Server, variable: &Variable, reader: &Variables) -> Vec<String> {
    let answer = ask(server, &variable.sql, reader).await;
    assert_eq!(answer.columns, ["__value", "__text"], "{}", variable.name);
    assert!(!answer.rows.is_empty(), "{} has no values for {reader:?}", variable.name);
    let text = |value: Option<&str>| value.expect("a value").to_owned();
    answer.column("__value").into_iter().map(text).collect()
}

fn picked(variable: &Variable, values: Vec<String>, is_first: bool) -> Vec<Chosen> {
    if variable.is_multi {
        return vec![Chosen::Many(values)];
    }
    let mut picked = vec![0, values.len() / 2, values.len() - 1];
    picked.dedup();
    let mut picked: Vec<_> = picked.into_iter().map(|place| values[place].clone()).collect();
    if is_first {
        // What the dashboard begins with comes first.
        picked.retain(|value| !variable.current.contains(value));
        picked.insert(0, variable.current[0].clone());
    }
    picked.into_iter().map(Chosen::One).collect()
}

async fn ask(server: &Server, sql: &str, reader: &Variables) -> Answer {
    let sql = expand(sql, reader, &ALL_TIMES).expect(sql);
    server.ask(&sql).await.unwrap_or_else(|error| panic!("{error}: {sql}"))
}

/// Whether a panel can show the answer that it gets.
fn check(asked: &Asked, answer: &Answer, reader: &Variables) {
    let place = format!("{} for {reader:?}", asked.by);
    let Answer { columns, rows } = answer;
    let series_names = columns.iter().position(|column| column == "metric");
    if asked.is_series {
        assert_eq!(columns[0], "time", "{place}");
        let times = answer.column("time");
        assert!(times.iter().all(Option::is_some) && times.is_sorted(), "{place}: {times:?}");
        assert!(series_names.is_none() || columns.len() == 3, "{place}: {columns:?}");
        let numbers = (1..columns.len()).filter(|column| Some(*column) != series_names);
        for column in numbers {
            let is_number = |value: &String| value.parse::<f64>().is_ok();
            let mut values = rows.iter().filter_map(|row| row[column].as_ref());
            assert!(values.all(is_number), "{place}: {}", columns[column]);
        }
    }
    // Settings are for what there is; and where series get colours by their names, all of them do.
    match series_names.filter(|_| asked.is_series) {
        None => {
            let missing = asked.named.iter().chain(&asked.across).find(|n| !columns.contains(n));
            assert_eq!(missing, None, "{place}: {columns:?}");
        }
        Some(column) if !asked.named.is_empty() => {
            let mut names = rows.iter().map(|row| row[column].as_ref().expect("a name"));
            let missing = names.find(|name| !asked.named.contains(name));
            assert_eq!(missing, None, "{place}");
        }
        Some(_) => {}
    }
    // A panel that shows nothing to whoever opens the dashboard would look broken.
    assert!(!shows_the_last(reader) || !rows.is_empty(), "{place}: no rows");
}

/// Whether figures are of the last day or year that there is.
fn shows_the_last(reader: &Variables) -> bool {
    let is_last = |(name, last): (&str, &str)| {
        reader.get(name).is_none_or(|chosen| *chosen == Chosen::One(last.into()))
    };
    [("day", "2200-01-01"), ("year", "2200")].into_iter().all(is_last)
}

/// A reader who has put SQL into the address of the dashboard, where its subject stands: the first of its
/// variables.
fn hostile(dashboard: &Dashboard, reader: &Variables) -> Variables {
    let mut hostile = reader.clone();
    let subject = dashboard.variables[0].name.clone();
    hostile.insert(subject, Chosen::One("' or '1' = '1".into()));
    hostile
}

/// What the table of brackets shows as coins is what the history has in base units.
async fn brackets_are_in_whole_coins(server: &Server) {
    let dashboards = dashboard::all();
    let holdings = dashboards.iter().find(|d| d.name == "holdings.json").expect("a dashboard");
    let table = holdings.asked.iter().find(|a| a.by == "Holders by what they hold").expect("it");
    for (asset, decimals) in [("bitcoin", 8), ("ethereum", 18)] {
        let reader = Variables::from([
            ("asset".into(), Chosen::One(asset.into())),
            ("basis".into(), Chosen::One("address".into())),
            ("day".into(), Chosen::One("2200-01-01".into())),
        ]);
        let answer = ask(server, &table.sql, &reader).await;
        let number = |value: Option<&str>| value.expect("a number").parse::<f64>().expect("one");
        let shown: f64 = answer.column("Coins").into_iter().map(number).sum();
        let sql = format!(
            "select held from analytics.holdings_daily where asset = '{asset}' and basis = 'address' order by day desc limit 1"
        );
        let held = ask(server, &sql, &Variables::new()).await;
        let held = number(held.column("held")[0]) / 10f64.powi(decimals);
        assert!((shown / held - 1.0).abs() < 1e-9, "{asset}: {shown} is not {held}");
    }
}
