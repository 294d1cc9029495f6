//! Statements, cursors, transactions, COPY.

use futures::TryStreamExt;
use tokio_postgres::SimpleQueryMessage;

use crate::support::{Served, code, texts};

#[tokio::test(flavor = "multi_thread")]
async fn several_statements_and_none() {
    let served = Served::plain().await;
    let client = served.client().await;
    assert!(texts(&client, "-- ping").await.expect("nothing to do").is_empty());
    assert!(texts(&client, "").await.expect("nothing to do").is_empty());
    assert!(client.query("", &[]).await.expect("nothing to do").is_empty());
    assert_eq!(texts(&client, "select 1; select 2").await.expect("two"), ["1", "2"]);
    // Those before the one that fails have run.
    let error = texts(&client, "select 1; select x; select 2").await.expect_err("no x");
    assert_eq!(code(&error), "42703");
    assert_eq!(texts(&client, "select 3").await.expect("goes on"), ["3"]);
    let tag = client.simple_query("select height from bitcoin.blocks").await.expect("rows");
    assert!(matches!(tag.last(), Some(SimpleQueryMessage::CommandComplete(8))));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_codes_and_places() {
    let served = Served::plain().await;
    let client = served.client().await;
    for (sql, expected) in [
        ("selec 1", "42601"),
        ("select * from bitcoin.nothing", "42P01"),
        ("select nothing from bitcoin.blocks", "42703"),
        ("select nothing(1)", "42883"),
        ("select height from bitcoin.blocks a, bitcoin.blocks b", "42702"),
        ("insert into bitcoin.blocks values (1)", "25006"),
        ("create table t (a int)", "25006"),
        ("copy bitcoin.blocks to '/tmp/x'", "25006"),
        ("select 1/0", "22012"),
        ("select * from bitcoin.blocks where height = 'x'", "22000"),
        ("show nothing", "42704"),
        ("set nothing = 1", "42704"),
        ("fetch 1 from nothing", "34000"),
        ("execute nothing", "26000"),
    ] {
        let error = texts(&client, sql).await.expect_err(sql);
        assert_eq!(code(&error), expected, "{sql}: {error:?}");
        let error = client.query(sql, &[]).await.expect_err(sql);
        assert_eq!(code(&error), expected, "{sql}: {error:?}");
    }
    let error = texts(&client, "select 1,\n  )").await.expect_err("no operand");
    let error = error.as_db_error().expect("of the server");
    assert!(error.position().is_some(), "{error:?}");
    for sql in ["selec 1", "select 1/0", "insert into bitcoin.blocks values (1)"] {
        let entry = served.entry(sql).await;
        assert!(entry.reason.is_some(), "{entry:?}");
        assert_eq!((entry.user.as_str(), entry.application.as_deref()), ("me", Some("tests")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_statement_sees_the_store_as_it_is() {
    let served = Served::plain().await;
    let client = served.client().await;
    let prepared = client.prepare("select height from bitcoin.blocks where height > $1 order by 1");
    let prepared = prepared.await.expect("a statement");
    assert_eq!(prepared.params().len(), 1);
    for from in [5_i64, 6, 7] {
        let rows = client.query(&prepared, &[&from]).await.expect("rows");
        let heights: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(heights, (from + 1..8).collect::<Vec<_>>());
    }
    // In SQL, too.
    client
        .batch_execute("prepare q as select height from bitcoin.blocks where height = $1")
        .await
        .expect("prepared");
    assert_eq!(texts(&client, "execute q (3)").await.expect("a row"), ["3"]);
    client.batch_execute("deallocate q").await.expect("gone");
    assert_eq!(code(&texts(&client, "execute q (3)").await.expect_err("gone")), "26000");
}

#[tokio::test(flavor = "multi_thread")]
async fn portals_give_as_many_rows_as_are_asked_for() {
    let served = Served::plain().await;
    let mut client = served.client().await;
    let transaction = client.transaction().await.expect("begun");
    let portal = transaction.bind("select height from bitcoin.blocks order by 1", &[]).await;
    let portal = portal.expect("a portal");
    let mut counts = Vec::new();
    loop {
        let rows = transaction.query_portal(&portal, 3).await.expect("rows");
        counts.push(rows.len());
        if rows.len() < 3 {
            break;
        }
    }
    assert_eq!(counts, [3, 3, 2]);
    transaction.commit().await.expect("ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_go_forward() {
    let served = Served::plain().await;
    let client = served.client().await;
    client.batch_execute("begin").await.expect("begun");
    client
        .batch_execute(
            "declare c no scroll cursor for select height from bitcoin.blocks order by 1",
        )
        .await
        .expect("declared");
    assert_eq!(texts(&client, "fetch 2 from c").await.expect("two"), ["0", "1"]);
    assert_eq!(texts(&client, "fetch next from c").await.expect("one"), ["2"]);
    // In binary, too.
    let rows = client.query("fetch forward 2 from c", &[]).await.expect("two");
    assert_eq!(rows.iter().map(|row| row.get::<_, i64>(0)).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(texts(&client, "fetch all from c").await.expect("the rest"), ["5", "6", "7"]);
    assert!(texts(&client, "fetch 1 from c").await.expect("none").is_empty());
    client.batch_execute("close c").await.expect("closed");
    assert_eq!(code(&texts(&client, "fetch 1 from c").await.expect_err("closed")), "34000");
    // After an error nothing is done until the transaction is ended.
    assert_eq!(code(&texts(&client, "select 1").await.expect_err("failed")), "25P02");
    client.batch_execute("rollback to savepoint s").await.expect("as if nothing had failed");
    client.batch_execute("select 1; rollback").await.expect("ended");
    client.batch_execute("begin; declare d cursor for select 1; commit").await.expect("done");
    assert_eq!(code(&texts(&client, "fetch 1 from d").await.expect_err("ended")), "34000");
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_gives_files() {
    let served = Served::plain().await;
    let client = served.client().await;
    let copied = |sql: &'static str| {
        let client = &client;
        async move {
            let stream = client.copy_out(sql).await.expect(sql);
            let parts: Vec<_> = stream.try_collect().await.expect(sql);
            parts.concat()
        }
    };
    let query = "copy (select height, null, 'a,\"b\"' || chr(9) from bitcoin.blocks \
                 where height < 2 order by 1) to stdout";
    assert_eq!(copied(query).await, b"0\t\\N\ta,\"b\"\\t\n1\t\\N\ta,\"b\"\\t\n");
    let csv = "copy (select height as h, null as n, 'a,\"b\"' as t from bitcoin.blocks \
               where height < 1) to stdout (format csv, header)";
    assert_eq!(copied(csv).await, b"h,n,t\n0,,\"a,\"\"b\"\"\"\n");
    let table = copied("copy bitcoin.blocks (height) to stdout").await;
    assert_eq!(table.iter().filter(|byte| **byte == b'\n').count(), 8);
    let binary = copied("copy (select 1::int) to stdout (format binary)").await;
    assert!(binary.starts_with(b"PGCOPY\n\xff\r\n\0") && binary.ends_with(b"\xff\xff"));
    let entry = served.entry(csv).await;
    assert_eq!(
        (entry.event.name(), entry.format.as_deref(), entry.rows),
        ("export", Some("csv"), 1)
    );
    // The connection goes on.
    assert_eq!(texts(&client, "select 1").await.expect("a row"), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_kept_for_the_connection() {
    let served = Served::plain().await;
    let client = served.client().await;
    assert_eq!(texts(&client, "show server_version").await.expect("a row"), ["16.6"]);
    client.batch_execute("set application_name = 'other'").await.expect("set");
    assert_eq!(texts(&client, "show application_name").await.expect("a row"), ["other"]);
    client.batch_execute("reset all").await.expect("reset");
    assert_eq!(texts(&client, "show application_name").await.expect("a row"), ["tests"]);
    client.batch_execute("discard all").await.expect("discarded");
    let known =
        texts(&client, "select current_user, current_setting('TimeZone'), current_schema()");
    assert_eq!(known.await.expect("a row"), ["me|UTC|public"]);
    let other = served.client().await;
    assert!(texts(&other, "show all").await.expect("rows").len() > 20);
}
