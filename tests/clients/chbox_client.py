"""Runs the official Python client against a box, as its user would.

Usage: chbox_client.py PORT SERVICE_KEY
"""

import sys

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError
from clickhouse_connect.driver.external import ExternalData

port, key = int(sys.argv[1]), sys.argv[2]


def connect(**options):
    return clickhouse_connect.get_client(host="127.0.0.1", port=port, **options)


def refused(client, sql, code):
    try:
        client.query(sql)
    except ClickHouseError as error:
        assert f"ode {code}" in str(error) or f"ode: {code}" in str(error), f"{sql}: {error}"
    else:
        raise AssertionError(f"{sql}: was not refused")


service = connect(username="service", password=key)
service.command("DROP DATABASE IF EXISTS py")
service.command("CREATE DATABASE py")
service.command(
    "CREATE TABLE py.t (id UInt64, name LowCardinality(String), at DateTime64(3, 'UTC'), tags Array(String)) "
    "ENGINE = MergeTree ORDER BY id"
)

for compress in (False, "lz4", "zstd", "gzip"):
    writer = connect(username="service", password=key, database="py", compress=compress)
    writer.command("TRUNCATE TABLE t")
    import datetime

    at = datetime.datetime(2026, 11, 22, 1, 2, 3, 456000, tzinfo=datetime.timezone.utc)
    rows = [[i, f"n{i % 7}\n\n", at, ["a", str(i)]] for i in range(20_000)]
    summary = writer.insert("t", rows, column_names=["id", "name", "at", "tags"])
    assert summary.written_rows == 20_000, summary.written_rows

    reader = connect(database="py", compress=compress)
    seen = reader.query("SELECT * FROM t WHERE id < {most:UInt64} ORDER BY id", parameters={"most": 3}).result_rows
    assert [tuple(row[:2]) for row in seen] == [(i, f"n{i % 7}\n\n") for i in range(3)], seen
    assert seen[0][3] == ["a", "0"] and seen[0][2].replace(tzinfo=datetime.timezone.utc) == at, seen[0]
    assert reader.command("SELECT count() FROM t WHERE endsWith(name, '\n\n')") == 20_000
    with reader.query_row_block_stream("SELECT number FROM numbers(1000000)") as blocks:
        total = sum(len(block) for block in blocks)
    assert total == 1_000_000, total

reader = connect(database="py")
assert reader.server_version.startswith("26."), reader.server_version
assert reader.command("SELECT timezone()") == "Etc/UTC" or reader.command("SELECT timezone()")
assert "t" in reader.command("SHOW TABLES")
refused(reader, "SELECT * FROM nope", 60)
refused(reader, "SELECT * FROM file('/etc/passwd', 'LineAsString')", 497)
try:
    reader.command("INSERT INTO t (id) VALUES (1)")
    raise AssertionError("a reader inserted")
except DatabaseError as error:
    assert "READONLY" in str(error), error
try:
    connect(username="service", password="wrong")
    raise AssertionError("a wrong key was taken")
except DatabaseError as error:
    assert "516" in str(error), error

external = ExternalData(file_name="few.csv", fmt="CSV", structure=["id UInt64"], data=b"1\n2\n")
found = reader.query("SELECT count() FROM t WHERE id IN (SELECT id FROM few)", external_data=external).result_rows
assert found == [(2,)], found

session = connect(username="service", password=key, session_id="py-session")
session.command("CREATE TEMPORARY TABLE kept (a UInt8)")
session.command("INSERT INTO kept VALUES (1), (2)")
assert session.command("SELECT sum(a) FROM kept") == 3
print("python client: ok", clickhouse_connect.__version__ if hasattr(clickhouse_connect, "__version__") else "")
