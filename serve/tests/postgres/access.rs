//! Who is let in, and what they may.

use std::time::Instant;

use assay_serve::{Role, users};
use futures::TryStreamExt;

use crate::support::{Served, code, connect, texts};

async fn with_users() -> Served {
    Served::start(|options, dir| {
        let path = dir.join("users.toml");
        for role in Role::ALL {
            users::add(&path, role.name(), role, "correct horse").expect("added");
        }
        options.service.users = Some(path);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_proven_and_a_role_kept_to() {
    let served = with_users().await;
    for role in Role::ALL {
        let mut config = served.config(role.name());
        config.password("correct horse");
        let client = connect(&config).await.expect("let in");
        assert_eq!(texts(&client, "select current_user").await.expect("a row"), [role.name()]);
        texts(&client, "select * from bitcoin.balances").await.expect("a view");
        let table = texts(&client, "select height from bitcoin.blocks").await;
        match role {
            Role::Regulator => assert_eq!(code(&table.expect_err("a table")), "42501"),
            _ => assert_eq!(table.expect("rows").len(), 8),
        }
        let copied = match client.copy_out("copy (select 1) to stdout").await {
            Ok(stream) => stream.try_collect::<Vec<_>>().await.map(|parts| parts.concat()),
            Err(error) => Err(error),
        };
        match role.may_export() {
            true => assert_eq!(copied.expect("a file"), b"1\n"),
            false => assert_eq!(code(&copied.expect_err("an export")), "42501"),
        }
        let audit = texts(&client, "select count(*) from system.audit").await;
        assert_eq!(audit.is_ok(), role == Role::Operator, "{role}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_are_told_delayed_and_written_down() {
    let served = with_users().await;
    let mut config = served.config("analyst");
    config.password("wrong horse");
    let since = Instant::now();
    let mut codes = Vec::new();
    for _ in 0..6 {
        codes.push(code(&connect(&config).await.expect_err("a wrong password")));
    }
    assert_eq!(codes, ["28P01"; 6]);
    assert!(since.elapsed().as_millis() >= 700, "they were not delayed");
    let mut nobody = served.config("nobody");
    nobody.password("wrong horse");
    assert_eq!(code(&connect(&nobody).await.expect_err("nobody")), "28P01");
    let refused = served.entries();
    assert_eq!(refused.iter().filter(|entry| entry.event.name() == "login").count(), 7);
    // Others are let in meanwhile.
    let mut other = served.config("operator");
    other.password("correct horse");
    connect(&other).await.expect("let in");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_asks_no_more() {
    let served = with_users().await;
    let mut config = served.config("analyst");
    config.password("correct horse");
    let client = connect(&config).await.expect("let in");
    texts(&client, "select 1").await.expect("a row");
    users::remove(&served.dir.path().join("users.toml"), "analyst").expect("removed");
    assert_eq!(code(&texts(&client, "select 1").await.expect_err("removed")), "42501");
    assert_eq!(code(&connect(&config).await.expect_err("removed")), "28P01");
}
