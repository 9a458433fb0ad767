-- What `smarketing` needs on a cluster besides grants.sql: statements that go to all servers, and tables over their parts.
-- Users and grants must be on every server: run both files with ON CLUSTER, or keep users in Keeper (user_directories).
GRANT CLUSTER ON *.* TO smarketing;
GRANT REMOTE ON *.* TO smarketing;
