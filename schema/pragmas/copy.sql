-- The file of a backup while it is made: nobody needs it if that is broken off, and it is synced at the end.
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
