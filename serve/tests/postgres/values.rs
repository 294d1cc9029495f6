//! Every type of value, as text and as bytes.

use std::error::Error;
use std::time::{Duration, SystemTime};

use assay_fixtures::lake;
use tokio_postgres::types::{FromSql, Type};

use crate::support::{Served, texts};

/// The bytes of a value as they came.
struct Raw(Vec<u8>);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(_: &Type, bytes: &'a [u8]) -> Result<Raw, Box<dyn Error + Sync + Send>> {
        Ok(Raw(bytes.to_vec()))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_the_lake_arrive() {
    let served = Served::plain().await;
    let client = served.client().await;
    let sql = "select height, time, hash, version, difficulty, coinbase_script \
               from bitcoin.blocks where height = 3";
    let text =
        texts(&client, "select height, time, hash from bitcoin.blocks where height = 3").await;
    let hash = hex::encode(lake::block_hash(3));
    assert_eq!(text.expect("rows"), [format!("3|2009-01-06 00:00:00+00|\\x{hash}")]);
    let row = client.query_one(sql, &[]).await.expect("a row");
    assert_eq!(row.get::<_, i64>(0), 3);
    let time = SystemTime::UNIX_EPOCH + Duration::from_micros(lake::time_micros(3).cast_unsigned());
    assert_eq!(row.get::<_, SystemTime>(1), time);
    assert_eq!(row.get::<_, Vec<u8>>(2), lake::block_hash(3));
    assert_eq!((row.get::<_, i32>(3), row.get::<_, f64>(4)), (0, 0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_can_be_read_both_ways() {
    let served = Served::plain().await;
    let client = served.client().await;
    for table in assay_query::described_tables() {
        let sql = format!("select * from {}", table.full_name());
        let texts = texts(&client, &sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let rows = client.query(&sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(rows.len(), texts.len(), "{sql}");
        for row in &rows {
            for column in 0..row.len() {
                let _: Option<Raw> = row.get(column);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_values_are_what_they_are() {
    let served = Served::plain().await;
    let client = served.client().await;
    let sql = "select true, 1::smallint, 2::int, 3::bigint, 1.5::real, 2.5::double, 'text', \
               '2020-02-29'::date, '2020-02-29 12:30:00'::timestamp, \
               interval '1 month 2 days 3 hours', arrow_cast('b', 'Binary'), null";
    assert_eq!(
        texts(&client, sql).await.expect("a row"),
        ["t|1|2|3|1.5|2.5|text|2020-02-29|2020-02-29 12:30:00|1 mon 2 days 03:00:00|\\x62|NULL"]
    );
    let row = client.query_one(sql, &[]).await.expect("a row");
    assert!(row.get::<_, bool>(0));
    assert_eq!((row.get::<_, i16>(1), row.get::<_, i32>(2), row.get::<_, i64>(3)), (1, 2, 3));
    assert_eq!((row.get::<_, f32>(4), row.get::<_, f64>(5)), (1.5, 2.5));
    assert_eq!(row.get::<_, String>(6), "text");
    assert_eq!(
        row.get::<_, SystemTime>(8),
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_582_979_400)
    );
    assert_eq!(row.get::<_, Vec<u8>>(10), b"b");
    assert_eq!(row.get::<_, Option<String>>(11), None);
    let types: Vec<_> = row.columns().iter().map(|column| column.type_().name()).collect();
    assert_eq!(
        types,
        [
            "bool",
            "int2",
            "int4",
            "int8",
            "float4",
            "float8",
            "text",
            "date",
            "timestamp",
            "interval",
            "bytea",
            "text"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_keep_all_their_digits() {
    let served = Served::plain().await;
    let client = served.client().await;
    let digits = "1234567890".repeat(8);
    for (digits, kind) in
        [(&digits[..38], "Decimal128(38, 0)"), (&digits[..76], "Decimal256(76, 0)")]
    {
        let sql =
            format!("select arrow_cast('{digits}', '{kind}'), arrow_cast('-{digits}', '{kind}')");
        let expected = format!("{digits}|-{digits}");
        assert_eq!(texts(&client, &sql).await.expect("a row"), [expected]);
        let row = client.query_one(&sql, &[]).await.expect("a row");
        assert_eq!(*row.columns()[0].type_(), Type::NUMERIC);
        let Raw(bytes) = row.get(0);
        let groups = i16::from_be_bytes([bytes[0], bytes[1]]);
        assert_eq!(usize::try_from(groups).expect("positive"), digits.len().div_ceil(4));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_records_arrive() {
    let served = Served::plain().await;
    let client = served.client().await;
    let sql = "select make_array(1, 2, null), make_array('a', 'b c', ''), \
               make_array(arrow_cast('x', 'Binary')), \
               named_struct('a', 1, 'b', 'x y'), make_array(named_struct('a', 1))";
    assert_eq!(
        texts(&client, sql).await.expect("a row"),
        [r#"{1,2,NULL}|{a,"b c",""}|{"\\x78"}|(1,"x y")|{(1)}"#]
    );
    let row = client.query_one(sql, &[]).await.expect("a row");
    assert_eq!(row.get::<_, Vec<Option<i64>>>(0), [Some(1), Some(2), None]);
    assert_eq!(row.get::<_, Vec<String>>(1), ["a", "b c", ""]);
    assert_eq!(row.get::<_, Vec<Vec<u8>>>(2), [b"x"]);
    assert_eq!(*row.columns()[3].type_(), Type::RECORD);
    assert_eq!(*row.columns()[4].type_(), Type::RECORD_ARRAY);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_taken_in_their_types() {
    let served = Served::plain().await;
    let client = served.client().await;
    let sql = "select count(*) from bitcoin.blocks where height between $1 and $2";
    let row = client.query_one(sql, &[&2_i64, &5_i64]).await.expect("a row");
    assert_eq!(row.get::<_, i64>(0), 4);
    let hash = lake::block_hash(6);
    let sql = "select height from bitcoin.blocks where hash = $1";
    assert_eq!(client.query_one(sql, &[&hash]).await.expect("a row").get::<_, i64>(0), 6);
    let time = SystemTime::UNIX_EPOCH + Duration::from_micros(lake::time_micros(7).cast_unsigned());
    let sql = "select height from bitcoin.blocks where time >= $1";
    assert_eq!(client.query_one(sql, &[&time]).await.expect("a row").get::<_, i64>(0), 7);
    let sql = "select count(*) from bitcoin.outputs where address = any($1::text[])";
    let names = vec!["alice", "bob"];
    assert_eq!(client.query_one(sql, &[&names]).await.expect("a row").get::<_, i64>(0), 6);
    // Where nothing says otherwise, they are text.
    assert_eq!(client.query_one("select $1", &[&"x"]).await.expect("a row").get::<_, &str>(0), "x");
    let nothing: Option<i64> = None;
    let sql = "select $1::bigint is null, $2::int + 1";
    let row = client.query_one(sql, &[&nothing, &7_i32]).await.expect("a row");
    assert_eq!((row.get::<_, bool>(0), row.get::<_, i64>(1)), (true, 8));
    let typed = client
        .query_typed("select $1, $2", &[(&3_i32, Type::INT4), (&"y", Type::TEXT)])
        .await
        .expect("a row");
    assert_eq!((typed[0].get::<_, i32>(0), typed[0].get::<_, &str>(1)), (3, "y"));
    let entry = served.entry("select height from bitcoin.blocks where hash = $1").await;
    assert_eq!(entry.parameters.len(), 1);
}
