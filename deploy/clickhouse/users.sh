#!/bin/bash
# Runs once in the container of the ClickHouse server: the two users, with passwords from its environment.
set -euo pipefail
clickhouse-client --user "$CLICKHOUSE_USER" --password "$CLICKHOUSE_PASSWORD" \
  --param_service="$SMARKETING_PASSWORD" --param_reader="$READER_PASSWORD" --multiquery --query "
  CREATE USER IF NOT EXISTS smarketing IDENTIFIED BY {service:String};
  CREATE USER IF NOT EXISTS smarketing_reader IDENTIFIED BY {reader:String}"
clickhouse-client --user "$CLICKHOUSE_USER" --password "$CLICKHOUSE_PASSWORD" --queries-file /smarketing/grants.sql
