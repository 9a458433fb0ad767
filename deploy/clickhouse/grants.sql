-- The least the two users need. `smarketing` migrates and writes; `smarketing_reader` is for BI and reads only.
-- Databases: smarketing holds the views, smarketing_g1, smarketing_g2 and so on the tables of a generation,
-- smarketing_live the switch between generations, smarketing_audit what an audit compares with.
GRANT CREATE DATABASE, DROP DATABASE, CREATE TABLE, DROP TABLE, CREATE VIEW, DROP VIEW, ALTER TABLE, ALTER VIEW,
  OPTIMIZE, INSERT, SELECT, SHOW ON smarketing*.* TO smarketing;
-- The switch waits for the queries that began before it.
GRANT SELECT ON system.processes TO smarketing;
-- Views are read as whoever reads, so readers need the tables behind them.
GRANT SELECT ON smarketing*.* TO smarketing_reader;
CREATE SETTINGS PROFILE IF NOT EXISTS smarketing_reading
  SETTINGS max_execution_time = 60 MAX 600, max_result_rows = 10000000, max_memory_usage = 4000000000
  TO smarketing_reader;
