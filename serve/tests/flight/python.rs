//! The Python client that people use: ADBC, and Polars and pandas on top of it.

use std::process::Command;

use assay_fixtures::python;
use assay_serve::service::Protocol;

use crate::server::{PASSWORD, Server, Setup};

const PROGRAM: &str = r#"
import sys
import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi as flight
import pandas
import polars
import pyarrow

uri, user, password = sys.argv[1:]
login = {"username": user, "password": password}
with flight.connect(uri, db_kwargs=login, autocommit=True) as connection:
    with connection.cursor() as cursor:
        cursor.execute("select height, hash from bitcoin.blocks order by height")
        table = cursor.fetch_arrow_table()
        assert table.num_rows == 8, table
        assert table.column("height").to_pylist() == list(range(8))
        cursor.execute("select height from bitcoin.blocks where height >= $1 and height < $2 order by 1", (3, 5))
        assert cursor.fetchall() == [(3,), (4,)], "parameters"
        cursor.execute("select $1 as word", ("it's",))
        assert cursor.fetchone() == ("it's",)
        cursor.execute("select value from generate_series(1, 300000)")
        assert cursor.fetch_arrow_table().num_rows == 300000
        for wrong in ["drop table bitcoin.blocks", "select nothing from bitcoin.blocks", "selec"]:
            try:
                cursor.execute(wrong)
                cursor.fetchall()
            except flight.Error as error:
                message = str(error)
            else:
                raise AssertionError(f"{wrong} was answered")
        cursor.execute("select 1")
        assert cursor.fetchall() == [(1,)], "after errors"
    tables = connection.adbc_get_objects(depth="tables").read_all().to_pylist()
    assert tables[0]["catalog_name"] == "assay", tables
    names = {
        (schema["db_schema_name"], table["table_name"])
        for schema in tables[0]["catalog_db_schemas"]
        for table in schema["db_schema_tables"]
    }
    assert ("bitcoin", "balances") in names, names
    columns = connection.adbc_get_objects(depth="columns", table_name_filter="balances").read_all()
    assert columns.num_rows == 1
    assert connection.adbc_get_info()["vendor_name"] == "assay"
    assert "BASE TABLE" in connection.adbc_get_table_types()
    frame = pandas.read_sql("select * from bitcoin.balances order by balance desc", connection)
    assert list(frame["address"]) == ["bob", "dave", "erin"], frame
    frame = polars.read_database("select address, balance from bitcoin.balances order by 2", connection)
    assert frame["balance"].to_list() == [5_000_000_000, 12_000_000_000, 13_000_000_000], frame
try:
    flight.connect(uri, db_kwargs={"username": user, "password": "wrong"}, autocommit=True)
except flight.Error as error:
    assert "wrong name or password" in str(error), error
else:
    raise AssertionError("a wrong password was taken")
print("done")
"#;

#[tokio::test(flavor = "multi_thread")]
async fn python_reads_tables_parameters_and_frames() {
    let check = "import adbc_driver_flightsql.dbapi, pandas, polars, pyarrow";
    let why =
        "the Python client of Flight SQL needs adbc-driver-flightsql, pyarrow, pandas and polars";
    let Some(python) = python::with("ASSAY_PYTHON", check, why) else { return };
    let server = Server::start(Setup { users: true, ..Setup::default() }).await;
    let uri = format!("grpc://{}", server.address(Protocol::Flight));
    let program = tokio::task::spawn_blocking(move || {
        Command::new(python).args(["-c", PROGRAM, &uri, "analyst", PASSWORD]).output()
    });
    let output = program.await.expect("no panic").expect("Python");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let log = server.stop().await;
    assert!(log.iter().any(|entry| entry.parameters == ["3", "5"]), "{log:#?}");
}
