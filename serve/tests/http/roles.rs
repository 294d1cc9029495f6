//! Who may what, and what a wrong password costs.

use std::time::{Duration, Instant};

use assay_serve::Role;
use assay_serve::audit::{Event, Outcome};

use super::client::{address, client, problem, rows, say, sql, url};
use crate::server::{PASSWORD, Server, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn roles_may_what_they_may() {
    let server = Server::start(Setup { users: true, ..Setup::default() }).await;
    let status = async |role: Role, text: &str, accept: &str| {
        let request = sql(&server, text).header("accept", accept);
        let response = request.basic_auth(role.name(), Some(PASSWORD)).send().await;
        response.expect("an answer").status().as_u16()
    };
    for role in Role::ALL {
        let json = "application/json";
        assert_eq!(status(role, "select * from bitcoin.balances", json).await, 200, "{role}");
        let raw = if role == Role::Regulator { 403 } else { 200 };
        assert_eq!(status(role, "select * from bitcoin.outputs", json).await, raw, "{role}");
        let file = if role.may_export() { 200 } else { 403 };
        let parquet = "application/vnd.apache.parquet";
        assert_eq!(status(role, "select 1", parquet).await, file, "{role}");
        let audit = if role == Role::Operator { 200 } else { 403 };
        assert_eq!(status(role, "select * from system.audit", json).await, audit, "{role}");
        // What is ready is for everybody.
        for path in ["/api/holdings", "/api/holdings/brackets?at=3", "/api/holdings/top"] {
            rows(client().get(url(&server, path)).basic_auth(role.name(), Some(PASSWORD))).await;
        }
    }
    // What tells nothing is open, everything else is closed.
    for path in ["/healthz", "/metrics", "/api/openapi.json"] {
        let response = client().get(url(&server, path)).send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
    }
    let response = client().get(url(&server, "/api/status")).send().await.expect("an answer");
    assert_eq!(response.headers()["www-authenticate"], "Basic realm=\"assay\", charset=\"UTF-8\"");
    assert_eq!(problem(response).await.0, 401);
    let metrics = client().get(url(&server, "/metrics")).send().await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    let counted =
        "assay_statements_total{protocol=\"http\",role=\"regulator\",outcome=\"refused\"}";
    assert!(metrics.contains(counted), "{metrics}");
    for name in ["assay_statement_seconds_bucket", "assay_connections", "assay_memory_bytes"] {
        assert!(metrics.contains(name), "{name} is missing: {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_cannot_be_tried_at_speed() {
    let server = Server::start(Setup { users: true, ..Setup::default() }).await;
    let attempt = async |name: &str, password: &str| {
        let request = client().get(url(&server, "/api/status")).basic_auth(name, Some(password));
        let response = request.send().await.expect("an answer");
        (response.status().as_u16(), response.headers().contains_key("retry-after"))
    };
    let began = Instant::now();
    let attempts =
        (0..40).map(|n| attempt("analyst", if n % 2 == 0 { "wrong" } else { "also wrong" }));
    let answers = futures::future::join_all(attempts).await;
    assert!(answers.iter().all(|(status, _)| matches!(status, 401 | 429)), "{answers:?}");
    let turned_away = answers.iter().filter(|answer| **answer == (429, true)).count();
    assert!(turned_away > 10, "{turned_away} of 40 in {:?}", began.elapsed());
    // Others are answered meanwhile, and a name that is not there is not told apart.
    assert_eq!(attempt("operator", PASSWORD).await.0, 200);
    assert_eq!(attempt("nobody", PASSWORD).await.0, 401);
    let log = server.stop().await;
    let refused = log.iter().filter(|entry| entry.event == Event::Login);
    assert_eq!(refused.filter(|entry| entry.outcome == Outcome::Refused).count(), 41);
    assert!(!format!("{log:?}").contains("wrong'"), "a password is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_sent_each_time_costs_little() {
    let server = Server::start(Setup { users: true, ..Setup::default() }).await;
    let ask = || client().get(url(&server, "/api/status")).basic_auth("analyst", Some(PASSWORD));
    let first = Instant::now();
    rows(ask()).await;
    let first = first.elapsed();
    let began = Instant::now();
    for _ in 0..20 {
        rows(ask()).await;
    }
    let each = began.elapsed() / 20;
    assert!(each < first.max(Duration::from_millis(200)), "first {first:?}, then {each:?} each");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_others_are_not_answered() {
    let server = Server::start(Setup::default()).await;
    let head = "GET /api/status HTTP/1.1\r\nconnection: close\r\n";
    for (host, more, status) in [
        ("localhost", "", "200"),
        ("127.0.0.1:80", "sec-fetch-site: same-origin\r\n", "200"),
        ("localhost", "sec-fetch-site: cross-site\r\n", "403"),
        ("attacker.example", "", "403"),
    ] {
        let request = format!("{head}host: {host}\r\n{more}\r\n");
        let answer = say(address(&server), request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host} {more}: {answer}");
        assert!(!answer.to_lowercase().contains("access-control"), "{answer}");
    }
}
