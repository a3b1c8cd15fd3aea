-- Version 3: roll-ups. What the calls of an hour and of a day add up to, by series.
PRAGMA user_version = 3;

-- New series are few each day; past a limit they are counted together (db/intern.h).
ALTER TABLE series ADD COLUMN first_day INTEGER NOT NULL DEFAULT 0; -- UTC day since 1970 on which it was first seen
CREATE INDEX series_first_day ON series(first_day);

-- The first series of the same provider, model and task type, of whatever complexity; NULL: it is that itself.
ALTER TABLE series ADD COLUMN family_id INTEGER REFERENCES series;

-- The series that an attempt counts against: its own server and model, its call's task and complexity.
ALTER TABLE attempt ADD COLUMN series_id INTEGER REFERENCES series;

INSERT OR IGNORE INTO series(provider, model, task_type, complexity)
SELECT DISTINCT p.text, m.text, s.task_type, s.complexity
FROM attempt a
JOIN call c ON c.id = a.call_id
JOIN series s ON s.series_id = c.series_id
JOIN label p ON p.label_id = a.provider_id
JOIN label m ON m.label_id = a.model_id;

UPDATE series SET family_id = (
  SELECT nullif(min(f.series_id), series.series_id) FROM series f
  WHERE f.provider = series.provider AND f.model = series.model AND f.task_type = series.task_type);

UPDATE attempt SET series_id = (
  SELECT own.series_id
  FROM call c
  JOIN series s ON s.series_id = c.series_id
  JOIN series own ON own.task_type = s.task_type AND own.complexity = s.complexity
    AND own.provider = (SELECT text FROM label WHERE label_id = attempt.provider_id)
    AND own.model = (SELECT text FROM label WHERE label_id = attempt.model_id)
  WHERE c.id = attempt.call_id);

-- A cell. series_id 0: all series together; from 8388608 on: a family, plus that. The body has everything, exact (analytics/digest.h); the
-- counts beside it are for people. resolution 1: bucket is an hour since 1970; 2: a day; both UTC.
CREATE TABLE rollup(
  cell_id INTEGER PRIMARY KEY, -- (resolution << 56) | (bucket << 24) | series_id
  body BLOB NOT NULL,
  calls INTEGER NOT NULL,
  successes INTEGER NOT NULL,
  failures INTEGER NOT NULL, -- timeouts included
  up INTEGER NOT NULL,
  down INTEGER NOT NULL,
  resolution INTEGER GENERATED ALWAYS AS (cell_id >> 56) VIRTUAL,
  bucket INTEGER GENERATED ALWAYS AS ((cell_id >> 24) & 0xffffffff) VIRTUAL,
  series_id INTEGER GENERATED ALWAYS AS (cell_id & 0xffffff) VIRTUAL
) STRICT;

-- Days whose cells are still to be made, or to be made again. Calls from next_id on are not in them
-- yet; until they are, such a day is read from its calls.
CREATE TABLE rollup_due(
  day INTEGER PRIMARY KEY, -- UTC, since 1970
  next_id INTEGER NOT NULL
) STRICT;

INSERT INTO rollup_due(day, next_id)
WITH RECURSIVE days(day) AS (
  SELECT ((SELECT min(id) FROM call) >> 20) / 86400000
  UNION ALL
  SELECT ((SELECT min(id) FROM call WHERE id >= ((day + 1) * 86400000) << 20) >> 20) / 86400000
  FROM days WHERE day IS NOT NULL)
SELECT day, (day * 86400000) << 20 FROM days WHERE day IS NOT NULL;
