-- What `touchstone check` asks: each row is a sentence about something that is wrong.

-- name: check_pages
SELECT quick_check FROM pragma_quick_check(100) WHERE quick_check <> 'ok';

-- name: check_references
SELECT printf('row %d of table %s refers to a row of table %s that is not there', rowid, "table", parent)
FROM pragma_foreign_key_check LIMIT 100;

-- An id holds the moment of its call.
-- name: check_ids
SELECT printf('call %d: its id says %s', id, coalesce(strftime('%Y-%m-%dT%H:%M:%fZ', (id >> 20) / 1000.0, 'unixepoch'), 'no time'))
FROM call
WHERE id < 946684800000 << 20 OR id >= (CAST(strftime('%s', 'now') AS INTEGER) + 2 * 86400) * 1000 << 20
LIMIT 100;

-- name: check_labels
SELECT printf('call %d names a label that is not there', c.id)
FROM call c
WHERE (c.dialect_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM label WHERE label_id = c.dialect_id))
   OR (c.finish_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM label WHERE label_id = c.finish_id))
   OR (c.error_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM label WHERE label_id = c.error_id))
   OR (c.requested_model_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM label WHERE label_id = c.requested_model_id))
   OR (c.reported_model_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM label WHERE label_id = c.reported_model_id))
   OR (c.user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM label WHERE label_id = c.user_id))
   OR (c.segment_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM label WHERE label_id = c.segment_id))
   OR (c.conversation_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM label WHERE label_id = c.conversation_id))
   OR (c.tags_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM label WHERE label_id = c.tags_id))
LIMIT 100;

-- Calls that were deleted for their age are still counted, so it may say more than rows and baselines; without any, not.
-- name: check_stats
WITH counted(task_type, model_id, successes, failures) AS (
  SELECT s.task_type, s.model, coalesce(sum(c.success), 0), count(c.success) - coalesce(sum(c.success), 0)
  FROM call c JOIN series s USING(series_id)
  WHERE s.model <> '__other__'
  GROUP BY s.task_type, s.model
  UNION ALL
  SELECT task_type, model_id, successes, failures FROM learner_baseline),
wanted AS (
  SELECT task_type, model_id, sum(successes) AS successes, sum(failures) AS failures
  FROM counted GROUP BY task_type, model_id HAVING sum(successes) + sum(failures) > 0),
known(all_there) AS (SELECT NOT EXISTS (SELECT 1 FROM meta WHERE key = 'whole_from_id'))
SELECT printf('model_stats says %d successes and %d failures of %s at %s; calls and baselines say %d and %d',
  coalesce(m.successes, 0), coalesce(m.failures, 0), w.model_id, w.task_type, w.successes, w.failures)
FROM known, wanted w LEFT JOIN model_stats m USING(task_type, model_id)
WHERE coalesce(m.successes, 0) < w.successes OR coalesce(m.failures, 0) < w.failures
   OR (all_there AND (m.successes <> w.successes OR m.failures <> w.failures))
LIMIT 100;

-- name: check_baselines
SELECT printf('%d of the %d figures imported from %s are there', (SELECT count(*) FROM learner_baseline b WHERE b.source_id = s.source_id), s.entries, s.path)
FROM learner_source s
WHERE s.entries <> (SELECT count(*) FROM learner_baseline b WHERE b.source_id = s.source_id);

-- Days whose calls are all there, and whose cells are not to be made anew.
-- name: check_cells
WITH rows(day, calls, successes, failures, up, down) AS (
  SELECT (id >> 20) / 86400000, count(*), coalesce(sum(success), 0), count(success) - coalesce(sum(success), 0),
    count(CASE WHEN rating = 1 THEN 1 END), count(CASE WHEN rating = -1 THEN 1 END)
  FROM call
  WHERE id >= coalesce((SELECT value FROM meta WHERE key = 'whole_from_id'), 0)
  GROUP BY 1)
SELECT printf('the roll-up of %s has %d calls, %d successes, %d failures; its calls are %d, %d, %d; `touchstone rebuild-rollups` makes it anew',
  date(r.day * 86400, 'unixepoch'), coalesce(cell.calls, 0), coalesce(cell.successes, 0), coalesce(cell.failures, 0),
  r.calls, r.successes, r.failures)
FROM rows r LEFT JOIN rollup cell ON cell.cell_id = (2 << 56) | (r.day << 24)
WHERE NOT EXISTS (SELECT 1 FROM rollup_due d WHERE d.day = r.day)
  AND (cell.calls IS NOT r.calls OR cell.successes IS NOT r.successes OR cell.failures IS NOT r.failures)
LIMIT 100;

-- What attempts add up to, by each of the three tables that keep it.
-- name: check_clones
WITH counted(what, attempts, successes, time_ms, size_bytes) AS (
  SELECT printf('clone_counts of %s/%s in %s', provider, model_name, month), attempts, successes, time_ms, size_bytes FROM clone_counts
  UNION ALL SELECT printf('website_counts of site %d', website_id), attempts, successes, time_ms, size_bytes FROM website_counts
  UNION ALL SELECT printf('word_counts of %d words', words), attempts, successes, time_ms, size_bytes FROM word_counts WHERE attempts <> 0),
attempt(a, b, c, s, t, z) AS (
  SELECT printf('clone_counts of %s/%s in %s', provider, model_name, substr(created_at, 1, 7)), printf('website_counts of site %d', website_id),
    printf('word_counts of %d words', coalesce((SELECT word_count FROM websites w WHERE w.id = website_id), -1)), status = 'success',
    coalesce(generation_time_ms, 0), coalesce(code_size_bytes, 0)
  FROM clone_attempts),
wanted(what, attempts, successes, time_ms, size_bytes) AS (
  SELECT a, count(*), sum(s), sum(t), sum(z) FROM attempt GROUP BY a
  UNION ALL SELECT b, count(*), sum(s), sum(t), sum(z) FROM attempt GROUP BY b
  UNION ALL SELECT c, count(*), sum(s), sum(t), sum(z) FROM attempt GROUP BY c)
SELECT printf('%s has %d attempts, %d successes, %d ms, %d bytes; its attempts are %d, %d, %d, %d', what, c.attempts, c.successes, c.time_ms,
  c.size_bytes, w.attempts, w.successes, w.time_ms, w.size_bytes)
FROM (SELECT what FROM counted UNION SELECT what FROM wanted) LEFT JOIN counted c USING(what) LEFT JOIN wanted w USING(what)
WHERE c.attempts IS NOT w.attempts OR c.successes IS NOT w.successes OR c.time_ms IS NOT w.time_ms OR c.size_bytes IS NOT w.size_bytes
LIMIT 100;
