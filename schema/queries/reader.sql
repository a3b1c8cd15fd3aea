-- What every reader's connection prepares. An absent filter is NULL.

-- name: read_begin
BEGIN;

-- name: read_end
COMMIT;

-- name: series_all
SELECT series_id, provider, model, task_type, complexity, family_id IS NULL FROM series ORDER BY series_id;

-- name: facet_models
SELECT DISTINCT model, provider FROM series ORDER BY model, provider LIMIT ?1;

-- name: facet_providers
SELECT DISTINCT provider FROM series ORDER BY provider LIMIT ?1;

-- name: facet_task_types
SELECT DISTINCT task_type FROM series ORDER BY task_type LIMIT ?1;

-- The hot loop of the analytics: a range of the primary key, no join; the series are filtered in C.
-- name: calls_in_window
SELECT c.id, c.series_id, c.outcome, c.rating, c.cold, c.total_us, c.ttft_us, c.decode_us, c.input_tokens,
  c.output_tokens, c.unsplit_tokens, c.cost_nano_usd
FROM call c
WHERE c.id >= ?1 AND c.id < ?2
  AND (?3 IS NULL OR c.outcome = ?3)
  AND (?4 IS NULL OR c.user_id = (SELECT label_id FROM label WHERE text = ?4) OR (?4 = 'local' AND c.user_id IS NULL))
  AND (?5 IS NULL OR c.segment_id = (SELECT label_id FROM label WHERE text = ?5))
  AND (?6 IS NULL OR c.conversation_id = (SELECT label_id FROM label WHERE text = ?6))
  AND (?7 IS NULL OR EXISTS (SELECT 1 FROM label t JOIN json_each(t.text) j
                             WHERE t.label_id = c.tags_id AND j.key = ?7 AND j.value = ?8))
ORDER BY c.id;

-- name: call_between
SELECT 1 FROM call WHERE id >= ?1 AND id < ?2 LIMIT 1;

-- name: cells_in_range
SELECT cell_id, body FROM rollup WHERE cell_id >= ?1 AND cell_id < ?2;

-- name: cell_read
SELECT body FROM rollup WHERE cell_id = ?1;

-- The days of which there is anything, as Unix ms from the start of the first to the end of the last.
-- name: extent
SELECT min(day) * 86400000, (max(day) + 1) * 86400000 FROM (
  SELECT ((SELECT min(id) FROM call) >> 20) / 86400000 AS day
  UNION ALL SELECT ((SELECT max(id) FROM call) >> 20) / 86400000
  UNION ALL SELECT ((SELECT min(cell_id) FROM rollup WHERE cell_id >= ?1) >> 24) & 0xffffffff
  UNION ALL SELECT ((SELECT max(cell_id) FROM rollup WHERE cell_id >= ?1) >> 24) & 0xffffffff)
WHERE day IS NOT NULL;

-- name: whole_from_read
SELECT coalesce((SELECT value FROM meta WHERE key = 'whole_from_id'), 0);

-- name: due_days
SELECT day FROM rollup_due WHERE day BETWEEN ?1 AND ?2 ORDER BY day;

-- The same without filters: ragged ends of windows that are read from cells else.
-- name: calls_between
SELECT id, series_id, outcome, rating, cold, total_us, ttft_us, decode_us, input_tokens,
  output_tokens, unsplit_tokens, cost_nano_usd
FROM call WHERE id >= ?1 AND id < ?2;

-- name: attempts_in_window
SELECT a.call_id, a.series_id
FROM attempt a
JOIN call c ON c.id = a.call_id
WHERE a.call_id >= ?1 AND a.call_id < ?2
  AND (?3 IS NULL OR c.outcome = ?3)
  AND (?4 IS NULL OR c.user_id = (SELECT label_id FROM label WHERE text = ?4) OR (?4 = 'local' AND c.user_id IS NULL))
  AND (?5 IS NULL OR c.segment_id = (SELECT label_id FROM label WHERE text = ?5))
  AND (?6 IS NULL OR c.conversation_id = (SELECT label_id FROM label WHERE text = ?6))
  AND (?7 IS NULL OR EXISTS (SELECT 1 FROM label t JOIN json_each(t.text) j
                             WHERE t.label_id = c.tags_id AND j.key = ?7 AND j.value = ?8))
ORDER BY a.call_id, a.n;

-- name: call_get
SELECT * FROM calls WHERE call_id = ?1;

-- name: call_page
SELECT * FROM calls WHERE call_id IN (
  SELECT c.id FROM call c
  WHERE c.id >= ?1 AND c.id < ?2
    AND (?3 IS NULL OR c.outcome = ?3)
    AND (?4 IS NULL OR c.user_id = (SELECT label_id FROM label WHERE text = ?4) OR (?4 = 'local' AND c.user_id IS NULL))
    AND (?5 IS NULL OR c.segment_id = (SELECT label_id FROM label WHERE text = ?5))
    AND (?6 IS NULL OR c.conversation_id = (SELECT label_id FROM label WHERE text = ?6))
    AND (?7 IS NULL OR EXISTS (SELECT 1 FROM label t JOIN json_each(t.text) j
                               WHERE t.label_id = c.tags_id AND j.key = ?7 AND j.value = ?8))
    AND ((?9 IS NULL AND ?10 IS NULL AND ?11 IS NULL AND ?12 IS NULL)
         OR +c.series_id IN (SELECT series_id FROM series
                             WHERE (?9 IS NULL OR model = ?9) AND (?10 IS NULL OR provider = ?10)
                               AND (?11 IS NULL OR task_type = ?11) AND (?12 IS NULL OR task_complexity = ?12)))
  ORDER BY c.id DESC LIMIT ?13)
ORDER BY call_id DESC;

-- A page of an export: oldest first, with what its reporter calls a call.
-- name: call_rows
SELECT v.*, r.external_id
FROM calls v LEFT JOIN reported_id r ON r.call_id = v.call_id
WHERE v.call_id IN (
  SELECT c.id FROM call c
  WHERE c.id >= ?1 AND c.id < ?2
    AND (?3 IS NULL OR c.outcome = ?3)
    AND (?4 IS NULL OR c.user_id = (SELECT label_id FROM label WHERE text = ?4) OR (?4 = 'local' AND c.user_id IS NULL))
    AND (?5 IS NULL OR c.segment_id = (SELECT label_id FROM label WHERE text = ?5))
    AND (?6 IS NULL OR c.conversation_id = (SELECT label_id FROM label WHERE text = ?6))
    AND (?7 IS NULL OR EXISTS (SELECT 1 FROM label t JOIN json_each(t.text) j
                               WHERE t.label_id = c.tags_id AND j.key = ?7 AND j.value = ?8))
    AND ((?9 IS NULL AND ?10 IS NULL AND ?11 IS NULL AND ?12 IS NULL)
         OR +c.series_id IN (SELECT series_id FROM series
                             WHERE (?9 IS NULL OR model = ?9) AND (?10 IS NULL OR provider = ?10)
                               AND (?11 IS NULL OR task_type = ?11) AND (?12 IS NULL OR task_complexity = ?12)))
  ORDER BY c.id LIMIT ?13)
ORDER BY v.call_id;

-- name: call_attempts
SELECT p.text AS provider, m.text AS model, e.text AS cause, a.status, a.error_text, a.duration_us, a.wait_us
FROM attempt a
JOIN label p ON p.label_id = a.provider_id
JOIN label m ON m.label_id = a.model_id
JOIN label e ON e.label_id = a.cause_id
WHERE a.call_id = ?1
ORDER BY a.n;

-- name: call_texts
SELECT prompt, answer, cut FROM call_text WHERE call_id = ?1;

-- name: stats_of_task
SELECT model_id, successes, failures, timeouts, total_tokens, total_cost, last_used
FROM model_stats WHERE task_type = ?1;

-- A page of roll-ups for an export: two ranges of the primary key, the hours and the days of a window.
-- name: rollup_rows
SELECT r.cell_id, r.body, s.provider, s.model, s.task_type, s.task_complexity
FROM rollup r JOIN series s ON s.series_id = r.series_id
WHERE r.cell_id > ?1
  AND ((r.cell_id >= ?2 AND r.cell_id < ?3) OR (r.cell_id >= ?4 AND r.cell_id < ?5))
  AND (?6 IS NULL OR s.model = ?6) AND (?7 IS NULL OR s.provider = ?7)
  AND (?8 IS NULL OR s.task_type = ?8) AND (?9 IS NULL OR s.task_complexity = ?9)
  AND NOT EXISTS (SELECT 1 FROM rollup_due d
                  WHERE d.day = CASE r.resolution WHEN 1 THEN r.bucket / 24 ELSE r.bucket END)
ORDER BY r.cell_id LIMIT ?10;

-- name: stats_all
SELECT task_type, model_id, successes, failures, timeouts, total_tokens, total_cost, last_used
FROM model_stats WHERE successes + failures >= ?1 ORDER BY task_type, model_id;

-- name: counts
SELECT (SELECT count(*) FROM call), (SELECT count(*) FROM call WHERE simulated = 1), (SELECT min(id) FROM call);

-- name: simulated_in_window
SELECT EXISTS (SELECT 1 FROM call WHERE simulated = 1 AND id >= ?1 AND id < ?2);

-- name: quick_check
PRAGMA quick_check(1);

-- name: import_marked
SELECT value FROM meta WHERE key = 'import ' || ?1;

-- name: day_counts
SELECT count(*), coalesce(sum(outcome = 1), 0), coalesce(sum(outcome > 1), 0),
  coalesce(sum(rating = 1 AND outcome <> 1), 0), coalesce(sum(rating = -1 AND outcome <> 1), 0)
FROM call WHERE id >= ?1 AND id < ?2;

-- name: cells_to_check
SELECT cell_id, body, calls FROM rollup WHERE cell_id >= ?1 AND cell_id < ?2;

-- name: day_to_check
SELECT max(day) FROM (
  SELECT ((SELECT max(id) FROM call WHERE id < ?2) >> 20) / 86400000 AS day
  UNION ALL SELECT ((SELECT max(cell_id) FROM rollup WHERE cell_id >= ?3 AND cell_id < ?4) >> 24) & 0xffffffff)
WHERE day < ?1;

-- Whether its cells are made, and all its calls still there.
-- name: day_is_whole
SELECT ?2 >= coalesce((SELECT value FROM meta WHERE key = 'whole_from_id'), 0)
  AND NOT EXISTS (SELECT 1 FROM rollup_due WHERE day = ?1);

-- Every column of a call that holds a label's number, for the sweep of unused ones.
-- name: call_labels
SELECT id, dialect_id, finish_id, error_id, requested_model_id, reported_model_id, user_id, segment_id,
  conversation_id, tags_id
FROM call WHERE id > ?1 ORDER BY id LIMIT ?2;

-- name: attempt_labels
SELECT call_id, provider_id, model_id, cause_id FROM attempt WHERE call_id > ?1 AND call_id <= ?2;
