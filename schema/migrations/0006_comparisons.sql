-- Version 6: one prompt beside several models.
PRAGMA user_version = 6;

-- Somebody had several models answer one prompt. id: as of a call.
CREATE TABLE comparison(
  id INTEGER PRIMARY KEY,
  winner INTEGER CHECK(winner BETWEEN -1 AND 3), -- the pane of the best answer, -1: a tie; NULL: nobody said
  voted_ms INTEGER,
  comment TEXT
) STRICT;

-- The call of each answer; its row may have expired.
CREATE TABLE comparison_pane(
  comparison_id INTEGER NOT NULL REFERENCES comparison ON DELETE CASCADE,
  pane INTEGER NOT NULL CHECK(pane BETWEEN 0 AND 3),
  call_id INTEGER NOT NULL,
  PRIMARY KEY(comparison_id, pane)
) STRICT, WITHOUT ROWID;

-- Every answer of every comparison: won is 1, 0, 0.5 for a tie, NULL without a vote.
CREATE VIEW comparisons AS
SELECT
  strftime('%Y-%m-%dT%H:%M:%fZ', (p.comparison_id >> 20) / 1000.0, 'unixepoch') AS timestamp,
  p.comparison_id, p.pane, s.model, s.provider, s.task_type,
  CASE WHEN c.winner IS NULL THEN NULL WHEN c.winner = -1 THEN 0.5 WHEN c.winner = p.pane THEN 1.0 ELSE 0.0 END AS won,
  c.comment, p.call_id
FROM comparison_pane p
JOIN comparison c ON c.id = p.comparison_id
LEFT JOIN call k ON k.id = p.call_id
LEFT JOIN series s USING(series_id);
