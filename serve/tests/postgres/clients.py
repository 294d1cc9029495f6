"""What psycopg and SQLAlchemy ask of a server over the small lake of the tests."""

import datetime
import decimal
import sys

import psycopg
import sqlalchemy

PORT = sys.argv[1]
UTC = datetime.timezone.utc


def with_psycopg():
    place = f"host=127.0.0.1 port={PORT} dbname=assay user=me"
    with psycopg.connect(place) as connection:
        for binary in (False, True):
            cursor = connection.cursor(binary=binary)
            cursor.execute(
                "select height, time, hash from bitcoin.blocks where height = %s", (3,)
            )
            height, time, block = cursor.fetchone()
            assert height == 3, height
            assert time == datetime.datetime(2009, 1, 6, tzinfo=UTC), time
            assert block == b"\xb3" * 32, block
            cursor.execute("select arrow_cast('9', 'Decimal128(38, 0)'), make_array(1, 2)")
            number, numbers = cursor.fetchone()
            assert number == decimal.Decimal(9) and numbers == [1, 2], (number, numbers)
            cursor.execute(
                "select count(*) from bitcoin.outputs where address = any(%s)", (["alice", "bob"],)
            )
            assert cursor.fetchone() == (6,)
            cursor.execute("select height from bitcoin.blocks where hash = %s", (b"\xb6" * 32,))
            assert cursor.fetchone() == (6,)
        with connection.cursor(name="big") as cursor:
            cursor.itersize = 3
            cursor.execute("select height from bitcoin.blocks order by 1")
            assert [row[0] for row in cursor] == list(range(8))
        with connection.cursor().copy("copy (select height from bitcoin.blocks) to stdout") as copy:
            assert len(list(copy.rows())) == 8
    with psycopg.connect(place, autocommit=True) as connection:
        try:
            connection.execute("insert into bitcoin.blocks values (1)")
        except psycopg.errors.ReadOnlySqlTransaction:
            pass
        else:
            raise AssertionError("it only reads")


def with_sqlalchemy():
    engine = sqlalchemy.create_engine(f"postgresql+psycopg://me@127.0.0.1:{PORT}/assay")
    with engine.connect() as connection:
        query = sqlalchemy.text("select count(*) from bitcoin.blocks where height < :height")
        assert connection.execute(query, {"height": 5}).scalar() == 5
    inspector = sqlalchemy.inspect(engine)
    assert "bitcoin" in inspector.get_schema_names()
    assert "outputs" in inspector.get_table_names(schema="bitcoin")
    assert "balances" in inspector.get_view_names(schema="bitcoin")
    columns = inspector.get_columns("blocks", schema="bitcoin")
    assert columns[0]["name"] == "height" and columns[0]["comment"], columns[0]
    metadata = sqlalchemy.MetaData()
    blocks = sqlalchemy.Table("blocks", metadata, schema="bitcoin", autoload_with=engine)
    with engine.connect() as connection:
        rows = connection.execute(
            sqlalchemy.select(blocks.c.height).where(blocks.c.height > 5).order_by(blocks.c.height)
        )
        assert [row.height for row in rows] == [6, 7]


with_psycopg()
with_sqlalchemy()
print("all is well")
