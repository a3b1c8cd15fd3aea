-- What works on a database of any version: opening, migrating, transactions.

-- name: user_version
PRAGMA user_version;

-- name: application_id
PRAGMA application_id;

-- name: schema_objects
SELECT count(*) FROM sqlite_schema;

-- name: checkpoint
PRAGMA wal_checkpoint(TRUNCATE);

-- A copy of the whole database, without its gaps.
-- name: copy_into
VACUUM INTO ?1;

-- name: write_begin
BEGIN IMMEDIATE;

-- name: write_commit
COMMIT;

-- name: write_rollback
ROLLBACK;
