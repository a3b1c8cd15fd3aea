-- A reader never writes and never checkpoints.
PRAGMA query_only = ON;
PRAGMA wal_autocheckpoint = 0;
PRAGMA cache_size = -16384;
PRAGMA temp_store = MEMORY;
PRAGMA cell_size_check = ON;
