-- Version 9: what a copy elsewhere has to learn of changes (`touchstone sync`).
PRAGMA user_version = 9;

-- Copies that are kept up to date, until they are 30 days behind.
CREATE TABLE sync_target(
  target TEXT PRIMARY KEY,
  place TEXT NOT NULL, -- for people
  mark INTEGER NOT NULL, -- calls up to this id may be in it; whatever happens to those is a change
  seq INTEGER NOT NULL, -- changes up to this one are in it
  turn INTEGER NOT NULL, -- random: the sync that it had last. A copy that says another one begins anew
  next_turn INTEGER NOT NULL, -- the sync that was begun last
  synced_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What changed since, oldest first; forgotten when every copy has it. Without copies it stays empty. New calls are not
-- in it unless their id is below the newest mark (db/changes.c): a copy finds those by their ids.
CREATE TABLE sync_change(
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  kind INTEGER NOT NULL, -- 0: a call (db/mirror.h)
  id INTEGER NOT NULL
) STRICT;

CREATE TRIGGER call_changed AFTER UPDATE ON call WHEN old.id <= (SELECT max(mark) FROM sync_target)
BEGIN
  INSERT INTO sync_change(kind, id) VALUES (0, old.id);
END;

-- Calls that go for their age are found by meta's whole_from_id, a day at a time.
CREATE TRIGGER call_deleted AFTER DELETE ON call WHEN old.id <= (SELECT max(mark) FROM sync_target)
  AND old.id >= coalesce((SELECT value FROM meta WHERE key = 'whole_from_id'), 0)
BEGIN
  INSERT INTO sync_change(kind, id) VALUES (0, old.id);
END;
