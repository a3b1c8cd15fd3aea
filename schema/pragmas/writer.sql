-- The one connection that writes. auto_vacuum counts only while the file is empty.
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 1000;
PRAGMA journal_size_limit = 67108864;
PRAGMA foreign_keys = ON;
PRAGMA cache_size = -32768;
PRAGMA temp_store = MEMORY;
PRAGMA secure_delete = OFF;
PRAGMA cell_size_check = ON;
