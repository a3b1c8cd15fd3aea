-- Version 5: what was counted before: the older JSON store of outcomes, kept apart from calls.
PRAGMA user_version = 5;

-- Files whose figures are part of model_stats.
CREATE TABLE learner_source(
  source_id INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE,
  content_hash BLOB NOT NULL, -- BLAKE2b, 32 bytes
  imported_ms INTEGER NOT NULL,
  entries INTEGER NOT NULL
) STRICT;

-- Their figures as they were read. model_stats has them as well, added to what calls gave.
CREATE TABLE learner_baseline(
  source_id INTEGER NOT NULL REFERENCES learner_source ON DELETE CASCADE,
  task_type TEXT NOT NULL,
  model_id TEXT NOT NULL,
  successes INTEGER NOT NULL,
  failures INTEGER NOT NULL, -- timeouts included
  timeouts INTEGER NOT NULL,
  total_tokens INTEGER NOT NULL,
  total_cost REAL NOT NULL,
  last_used TEXT,
  PRIMARY KEY(source_id, task_type, model_id)
) STRICT, WITHOUT ROWID;
