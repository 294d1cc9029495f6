//! Servers that cannot be asked, and statements that are given up.

use std::path::PathBuf;
use std::time::Duration;

use assay_clickhouse::{Address, Connection, migrate};
use assay_fixtures::clickhouse::{ClickHouse, Config};
use assay_model::Chain;
use assay_model::lake::{LakeInfo, SCHEMA_VERSION};
use assay_query::{QueryError, Session, SessionOptions, Store};

use crate::database::Database;
use crate::made;
use crate::support::{error, lake, ok};

async fn refusal(address: &str, password: Option<&str>) -> QueryError {
    let address = address.parse().expect("an address");
    let results = PathBuf::from("results");
    let store = Store::ClickHouse { address, password: password.map(str::to_owned), results };
    let options = SessionOptions { store, ..SessionOptions::default() };
    let failed = Session::open(options).await.err().expect("it cannot be opened");
    assert!(!failed.to_string().contains('\n'), "more than one line: {failed}");
    failed
}

#[tokio::test]
async fn a_database_that_cannot_be_read_says_why() {
    let failed = refusal("clickhouse://127.0.0.1:1/assay", None).await.to_string();
    assert!(failed.contains("clickhouse://127.0.0.1:1/assay: cannot"), "{failed}");
    let Some(database) = Database::empty() else { return };
    let address = database.address.to_string();
    let failed = refusal(&address, None).await.to_string();
    assert!(failed.contains("assay store migrate"), "{failed}");

    let Some(database) = Database::migrated().await else { return };
    let address = database.address.to_string();
    let failed = refusal(&address, None).await;
    assert!(matches!(failed, QueryError::NoChain { .. }), "{failed}");
    assert!(failed.to_string().contains("assay index --store clickhouse://"), "{failed}");

    let name = database.address.database();
    let info = LakeInfo {
        schema_version: SCHEMA_VERSION + 1,
        network: "regtest".to_owned(),
        from: 0,
        extras: Default::default(),
    };
    database.log(Chain::Bitcoin).create(&info).await.expect("written");
    let failed = refusal(&address, None).await;
    assert!(matches!(failed, QueryError::StoreVersion { .. }), "{failed}");
    database
        .execute(&format!("INSERT INTO {name}.migrations (number, name) VALUES (1000, 'later')"));
    let failed = refusal(&address, None).await.to_string();
    assert!(failed.contains("use a newer one"), "{failed}");
    database.execute(&format!("DROP TABLE {name}.bitcoin_outputs"));
    database.execute(&format!("TRUNCATE TABLE {name}.migrations"));
    let failed = refusal(&address, None).await.to_string();
    assert!(failed.contains("no tables of assay"), "{failed}");
}

#[tokio::test]
async fn who_may_only_read_can_and_who_has_no_password_cannot() {
    let user = |name: &str, password: &str, profile: &str| {
        format!(
            "<{name}><password>{password}</password><networks><ip>127.0.0.1</ip></networks>\
             <profile>{profile}</profile><quota>default</quota></{name}>"
        )
    };
    let profile = |name: &str, level: u8| format!("<{name}><readonly>{level}</readonly></{name}>");
    // Who may not see scripts sees all else.
    let partial = "<partial><password>secret</password><networks><ip>127.0.0.1</ip></networks>\
                   <profile>reader</profile><grants>\
                   <query>GRANT SELECT ON assay.*</query>\
                   <query>REVOKE SELECT(script) ON assay.bitcoin_outputs</query>\
                   </grants></partial>";
    let users = format!(
        "<clickhouse><profiles>{}{}</profiles><users>{}{}{partial}</users></clickhouse>",
        profile("reader", 2),
        profile("strict", 1),
        user("reader", "secret", "reader"),
        user("strict", "secret", "strict")
    );
    let config = Config { users: Some(users), ..Config::default() };
    let Some(server) = ClickHouse::start_with(&config) else { return };
    let at = |user: &str| format!("clickhouse://{user}@127.0.0.1:{}/assay", server.port());
    let owner: Address = at("default").parse().expect("an address");
    let connection = Connection::new(&owner, None).expect("a connection");
    migrate(&connection, None).await.expect("migrated");
    let info = LakeInfo {
        schema_version: SCHEMA_VERSION,
        network: "regtest".to_owned(),
        from: 0,
        extras: Default::default(),
    };
    assay_clickhouse::Log::new(connection, Chain::Bitcoin).create(&info).await.expect("written");

    let failed = refusal(&at("reader"), Some("wrong")).await.to_string();
    assert!(failed.contains("--store-password-file") && !failed.contains("wrong"), "{failed}");
    let failed = refusal(&at("strict"), Some("secret")).await.to_string();
    assert!(failed.contains("readonly = 2"), "{failed}");
    for user in ["reader", "partial"] {
        let address = at(user).parse().expect("an address");
        let results = PathBuf::from("results");
        let store = Store::ClickHouse { address, password: Some("secret".to_owned()), results };
        assert!(!format!("{store:?}").contains("secret"));
        let options = SessionOptions { store, ..SessionOptions::default() };
        let session = Session::open(options).await.expect("who may only read can ask");
        assert_eq!(ok(&session, "select count(*) from bitcoin.outputs").await, ["0"]);
    }
}

#[tokio::test]
async fn a_statement_that_is_given_up_ends_on_the_server() {
    let dir = tempfile::tempdir().expect("a folder");
    made::write(dir.path());
    let Some(database) = Database::of_lake(dir.path()).await else { return };
    let session = database.open().await;
    let name = database.address.database();
    let running = || {
        database.execute(&format!(
            "SELECT count() FROM system.processes WHERE query LIKE '%{name}.bitcoin_outputs%' \
             AND query NOT LIKE '%processes%'"
        ))
    };
    // Long scripts, which are quickly stored and slowly read.
    database.execute(&format!(
        "INSERT INTO {name}.bitcoin_outputs SELECT o.* REPLACE (repeat('x', 10000) AS script) \
         FROM {name}.bitcoin_outputs AS o CROSS JOIN numbers(5000) AS n LIMIT 500000"
    ));
    let sql = "select count(*) from bitcoin.outputs where hex(script) like '%a%b%c%' \
               or encode(script, 'hex') || 'x' like '%d%e%f%'";
    let mut stream = session.query(sql).await.expect("a plan");
    let first = futures::StreamExt::next(&mut stream);
    assert!(tokio::time::timeout(Duration::from_secs(3), first).await.is_err(), "it takes long");
    assert_eq!(running(), "1\n");
    drop(stream);
    let ended = async {
        while running() != "0\n" {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it ends");
}

#[tokio::test]
async fn what_the_server_refuses_is_told_in_one_line() {
    let dir = tempfile::tempdir().expect("a folder");
    lake::write(dir.path());
    let Some(database) = Database::of_lake(dir.path()).await else { return };
    let session = database.open().await;
    database.execute(&format!("DROP TABLE {}.bitcoin_inputs", database.address.database()));
    let failed = error(&session, "select count(*) from bitcoin.inputs").await;
    assert!(failed.contains("ClickHouse answers with code 60"), "{failed}");
}
