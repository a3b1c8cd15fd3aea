-- What the writer's connection prepares once the schema is there.

-- name: tag_get
SELECT value FROM meta WHERE key = 'tag';

-- name: tag_set
UPDATE meta SET value = ?1 WHERE key = 'tag';

-- A write of its own, to learn whether writing works again.
-- name: probe_write
INSERT INTO meta(key, value) VALUES ('probed_ms', ?1) ON CONFLICT(key) DO UPDATE SET value = excluded.value;

-- Of our own calls: those reported to us have ids apart, and may be ahead of our clock.
-- name: newest_id
SELECT coalesce((SELECT id FROM call WHERE reported = 0 ORDER BY id DESC LIMIT 1), 0);

-- name: label_find
SELECT label_id FROM label WHERE text = ?1;

-- name: label_insert
INSERT INTO label(text) VALUES (?1);

-- name: series_find
SELECT series_id FROM series WHERE provider = ?1 AND model = ?2 AND task_type = ?3 AND complexity = ?4;

-- name: series_insert
INSERT INTO series(provider, model, task_type, complexity, first_day, family_id) VALUES (?1, ?2, ?3, ?4, ?5,
  (SELECT min(series_id) FROM series WHERE provider = ?1 AND model = ?2 AND task_type = ?3));

-- name: family_of
SELECT coalesce(family_id, series_id) FROM series WHERE series_id = ?1;

-- name: series_of_day
SELECT count(*) FROM series WHERE first_day = ?1;

-- name: call_insert
INSERT INTO call(
  id, series_id, outcome,
  total_us, ttft_us, decode_us, queue_us, connect_us, load_us, first_byte_us, first_visible_us,
  max_stall_us, overhead_us,
  fresh_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, unsplit_tokens,
  tokens_source, cost_nano_usd,
  classified, streamed, cold, simulated, reported,
  dialect_id, finish_id, error_id, requested_model_id, reported_model_id,
  user_id, segment_id, conversation_id, tags_id,
  message_id, error_text, metadata)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
        ?, ?, ?, ?)
ON CONFLICT(id) DO NOTHING;

-- name: reported_find
SELECT 1 FROM reported_id WHERE external_id = ?1;

-- name: reported_insert
INSERT INTO reported_id(external_id, call_id) VALUES (?1, ?2);

-- name: expired_oldest
SELECT min(id) FROM call WHERE id < ?1;

-- One at a time: how long it takes depends on what hangs on a call, so the clock decides how many.
-- name: expired_delete
DELETE FROM call WHERE id = (SELECT id FROM call WHERE id < ?1 ORDER BY id LIMIT 1);

-- name: free_pages
SELECT freelist_count, page_count FROM pragma_freelist_count, pragma_page_count;

-- A row for each page; whoever has enough stops stepping.
-- name: shrink
PRAGMA incremental_vacuum;

-- name: newest_between
SELECT max(id) FROM call WHERE id BETWEEN ?1 AND ?2;

-- name: attempt_insert
INSERT INTO attempt(call_id, n, provider_id, model_id, series_id, cause_id, status, duration_us, wait_us, error_text)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: text_insert
INSERT INTO call_text(call_id, prompt, answer, cut) VALUES (?1, ?2, ?3, ?4);

-- name: sample_insert
INSERT INTO hardware_sample(
  sampled_ms, provider, cpu_percent, memory_bytes, host_cpu_percent, host_memory_bytes, host_memory_total_bytes,
  gpu_percent, gpu_memory_bytes, gpu_memory_total_bytes)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING;

-- name: samples_forget
DELETE FROM hardware_sample WHERE sampled_ms < ?1;

-- name: stats_add
INSERT INTO model_stats(task_type, model_id, successes, failures, timeouts, total_tokens, total_cost, last_used)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, strftime('%Y-%m-%dT%H:%M:%fZ', ?8 / 1000.0, 'unixepoch'))
ON CONFLICT(task_type, model_id) DO UPDATE SET
  successes = successes + excluded.successes,
  failures = failures + excluded.failures,
  timeouts = timeouts + excluded.timeouts,
  total_tokens = total_tokens + excluded.total_tokens,
  total_cost = total_cost + excluded.total_cost,
  last_used = coalesce(max(last_used, excluded.last_used), excluded.last_used);

-- name: rated_by_id
SELECT id, rating, series_id, outcome FROM call WHERE id = ?1;

-- name: rated_by_message
SELECT id, rating, series_id, outcome FROM call WHERE message_id = ?1 ORDER BY id DESC LIMIT 1;

-- name: rated_by_conversation
SELECT id, rating, series_id, outcome FROM call
WHERE conversation_id = (SELECT label_id FROM label WHERE text = ?1) ORDER BY id DESC LIMIT 1;

-- name: rating_set
UPDATE call SET rating = ?2 WHERE id = ?1;

-- A rating without words keeps the words of the one before.
-- name: feedback_set
INSERT INTO feedback(call_id, rated_ms, comment) VALUES (?1, ?2, ?3)
ON CONFLICT(call_id) DO UPDATE SET rated_ms = excluded.rated_ms, comment = coalesce(excluded.comment, comment);

-- How far an import that comes in pieces is; beside the rows, so that it is true after any stop.
-- name: import_mark
INSERT INTO meta(key, value) VALUES ('import ' || ?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value;

-- name: import_unmark
DELETE FROM meta WHERE key = 'import ' || ?1;

-- name: cell_get
SELECT body FROM rollup WHERE cell_id = ?1;

-- name: cell_put
REPLACE INTO rollup(cell_id, body, calls, successes, failures, up, down) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- name: cells_drop
DELETE FROM rollup WHERE cell_id >= ?1 AND cell_id < ?2;

-- name: due_list
SELECT day, next_id FROM rollup_due ORDER BY day;

-- name: due_put
INSERT INTO rollup_due(day, next_id) VALUES (?1, ?2) ON CONFLICT(day) DO UPDATE SET next_id = excluded.next_id;

-- name: due_drop
DELETE FROM rollup_due WHERE day = ?1;

-- Every day that has calls and has lost none.
-- name: due_all
REPLACE INTO rollup_due(day, next_id)
WITH RECURSIVE days(day) AS (
  SELECT ((SELECT min(id) FROM call WHERE id >= ?1) >> 20) / 86400000
  UNION ALL
  SELECT ((SELECT min(id) FROM call WHERE id >= ((day + 1) * 86400000) << 20) >> 20) / 86400000
  FROM days WHERE day IS NOT NULL)
SELECT day, (day * 86400000) << 20 FROM days WHERE (day * 86400000) << 20 >= ?1;

-- Calls below this id may have been deleted; day cells are all that is left of days before it.
-- name: whole_from
SELECT coalesce((SELECT value FROM meta WHERE key = 'whole_from_id'), 0);

-- name: whole_from_put
INSERT INTO meta(key, value) VALUES ('whole_from_id', ?1) ON CONFLICT(key) DO UPDATE SET value = excluded.value;

-- name: calls_to_count
SELECT id, series_id, outcome, rating, cold, total_us, ttft_us, decode_us,
  fresh_tokens, cache_read_tokens, cache_write_tokens, output_tokens, unsplit_tokens, cost_nano_usd
FROM call WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3;

-- name: attempts_to_count
SELECT call_id, series_id FROM attempt WHERE call_id >= ?1 AND call_id < ?2 AND series_id IS NOT NULL;

-- name: source_by_content
SELECT source_id, imported_ms FROM learner_source WHERE content_hash = ?1;

-- name: source_by_path
SELECT source_id, imported_ms FROM learner_source WHERE path = ?1;

-- name: source_put
INSERT INTO learner_source(path, content_hash, imported_ms, entries) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT(path) DO UPDATE SET content_hash = excluded.content_hash, imported_ms = excluded.imported_ms, entries = excluded.entries;

-- name: baseline_put
INSERT INTO learner_baseline(
  source_id, task_type, model_id, successes, failures, timeouts, total_tokens, total_cost, last_used)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9);

-- name: baseline_add
INSERT INTO model_stats(task_type, model_id, successes, failures, timeouts, total_tokens, total_cost, last_used)
SELECT task_type, model_id, successes, failures, timeouts, total_tokens, total_cost, last_used
FROM learner_baseline WHERE source_id = ?1
ON CONFLICT(task_type, model_id) DO UPDATE SET
  successes = successes + excluded.successes,
  failures = failures + excluded.failures,
  timeouts = timeouts + excluded.timeouts,
  total_tokens = total_tokens + excluded.total_tokens,
  total_cost = total_cost + excluded.total_cost,
  last_used = coalesce(max(last_used, excluded.last_used), last_used, excluded.last_used);

-- name: baseline_subtract
UPDATE model_stats SET
  successes = model_stats.successes - b.successes,
  failures = model_stats.failures - b.failures,
  timeouts = model_stats.timeouts - b.timeouts,
  total_tokens = model_stats.total_tokens - b.total_tokens,
  total_cost = model_stats.total_cost - b.total_cost
FROM learner_baseline b
WHERE b.source_id = ?1 AND b.task_type = model_stats.task_type AND b.model_id = model_stats.model_id;

-- name: baseline_forget
DELETE FROM learner_baseline WHERE source_id = ?1;

-- What nothing counts any more.
-- name: stats_prune
DELETE FROM model_stats WHERE successes = 0 AND failures = 0;

-- Whether names have to be swept, and how many there are.
-- name: labels_due
SELECT value, (SELECT max(label_id) FROM label) FROM meta WHERE key = 'labels_due';

-- name: labels_due_put
INSERT INTO meta(key, value) VALUES ('labels_due', ?1) ON CONFLICT(key) DO UPDATE SET value = excluded.value;

-- Unless calls were deleted since.
-- name: labels_due_forget
DELETE FROM meta WHERE key = 'labels_due' AND value = ?1;

-- name: label_delete
DELETE FROM label WHERE label_id = ?1;

-- name: comparison_insert
INSERT INTO comparison(id) VALUES (?1) ON CONFLICT(id) DO NOTHING;

-- name: comparison_pane_insert
INSERT INTO comparison_pane(comparison_id, pane, call_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING;

-- Its panes, whether there was a vote, and for what.
-- name: comparison_find
SELECT (SELECT count(*) FROM comparison_pane WHERE comparison_id = c.id), c.winner IS NOT NULL, coalesce(c.winner, 0)
FROM comparison c WHERE c.id = ?1;

-- A vote without words keeps the words of the one before.
-- name: comparison_vote
UPDATE comparison SET winner = ?2, voted_ms = ?3, comment = coalesce(?4, comment) WHERE id = ?1;

-- Whatever happens to a call up to here is a change for some copy; none: -1.
-- name: sync_mark
SELECT coalesce(max(mark), -1) FROM sync_target;

-- Whether the copy is as it was left (1) or unknown (0), and what it is up to.
-- name: sync_known
SELECT EXISTS (SELECT 1 FROM sync_target WHERE target = ?1 AND (turn = ?2 OR next_turn = ?2)),
  max(?3, coalesce((SELECT max(id) FROM call), 0)), random() & 0x3fffffffffffff,
  coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'sync_change'), 0);

-- name: sync_again
UPDATE sync_target SET place = ?3, mark = max(mark, ?4), turn = ?2, next_turn = ?5, synced_ms = ?6 WHERE target = ?1;

-- A copy that begins anew: nothing that happened before concerns it.
-- name: sync_anew
REPLACE INTO sync_target(target, place, mark, seq, turn, next_turn, synced_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6);

-- name: sync_done
UPDATE sync_target SET seq = ?3, turn = ?2, synced_ms = ?4 WHERE target = ?1 AND next_turn = ?2;

-- name: sync_drop_stale
DELETE FROM sync_target WHERE synced_ms < ?1;

-- name: sync_prune
DELETE FROM sync_change WHERE seq IN (
  SELECT seq FROM sync_change
  WHERE seq <= coalesce((SELECT min(seq) FROM sync_target), 9223372036854775807)
  ORDER BY seq LIMIT ?1);

-- name: sync_note
INSERT INTO sync_change(kind, id) VALUES (0, ?1);

-- A site that was scraped. A site that was made anew stays so; what was a sample is none any more.
-- name: website_put
INSERT INTO websites(url, domain, title, description, status, content_length, word_count, screenshot_url, scraped_at,
  sample, firecrawl_metadata, markdown_content, html_content)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, strftime('%Y-%m-%dT%H:%M:%fZ', ?9 / 1000.0, 'unixepoch'), ?10, ?11, ?12, ?13)
ON CONFLICT(url) DO UPDATE SET
  title = excluded.title, description = excluded.description,
  status = CASE WHEN status = 'cloned' THEN 'cloned' ELSE excluded.status END,
  content_length = excluded.content_length, word_count = excluded.word_count,
  screenshot_url = excluded.screenshot_url, scraped_at = excluded.scraped_at, sample = min(sample, excluded.sample),
  firecrawl_metadata = excluded.firecrawl_metadata, markdown_content = excluded.markdown_content,
  html_content = excluded.html_content;

-- name: website_of_url
SELECT id, status = 'cloned', sample FROM websites WHERE url = ?1;

-- name: website_mark
UPDATE websites SET status = CASE WHEN ?2 THEN 'cloned' ELSE status END, sample = ?3 WHERE id = ?1;

-- name: clone_insert
INSERT INTO clone_attempts(website_id, provider, model_name, status, generation_time_ms, code_size_bytes,
  component_count, created_at, call_id, quality_score, sample, sandbox_url, style_selected, additional_instructions,
  error_message, quality, generated_code)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, strftime('%Y-%m-%dT%H:%M:%fZ', ?8 / 1000.0, 'unixepoch'), ?9, ?10, ?11, ?12, ?13,
  ?14, ?15, ?16, ?17)
RETURNING id;

-- name: code_file_insert
INSERT INTO code_files(clone_attempt_id, file_path, file_type, lines_of_code, size_bytes, quality_score, quality,
  metadata, content)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9);

-- name: clone_judge
UPDATE clone_attempts SET quality_score = ?2, quality = ?3 WHERE id = ?1;

-- name: code_file_judge
UPDATE code_files SET quality_score = ?3, quality = ?4 WHERE clone_attempt_id = ?1 AND file_path = ?2;

-- name: call_provider
SELECT provider FROM call JOIN series USING(series_id) WHERE id = ?1;

-- name: benchmark_insert
INSERT INTO model_benchmarks(provider, model_name, model_size, website_complexity, attempts, calls,
  avg_generation_time_ms, avg_code_size_bytes, success_rate, avg_code_quality_score, avg_user_satisfaction,
  tokens_per_second, hardware_specs, benchmark_date, notes, sample)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,
  strftime('%Y-%m-%dT%H:%M:%fZ', ?14 / 1000.0, 'unixepoch'), ?15, ?16)
RETURNING id;

-- name: samples_there
SELECT EXISTS (SELECT 1 FROM clone_attempts WHERE sample = 1) OR EXISTS (SELECT 1 FROM websites WHERE sample = 1)
  OR EXISTS (SELECT 1 FROM model_benchmarks WHERE sample = 1);

-- name: clone_delete_old
DELETE FROM clone_attempts
WHERE id = (SELECT id FROM clone_attempts WHERE created_at < strftime('%Y-%m-%dT%H:%M:%fZ', ?1 / 1000.0, 'unixepoch')
            ORDER BY created_at LIMIT 1);

-- name: clone_delete_sample
DELETE FROM clone_attempts WHERE id = (SELECT id FROM clone_attempts WHERE sample = 1 ORDER BY id LIMIT 1);

-- The next site without attempts that was scraped before.
-- name: website_old
SELECT id FROM websites w
WHERE id > ?1 AND scraped_at < strftime('%Y-%m-%dT%H:%M:%fZ', ?2 / 1000.0, 'unixepoch')
  AND NOT EXISTS (SELECT 1 FROM clone_attempts WHERE website_id = w.id)
ORDER BY id LIMIT 1;

-- name: website_sample
SELECT id FROM websites w
WHERE id > ?1 AND sample = 1 AND NOT EXISTS (SELECT 1 FROM clone_attempts WHERE website_id = w.id)
ORDER BY id LIMIT 1;

-- name: website_delete
DELETE FROM websites WHERE id = ?1;

-- name: benchmark_delete_samples
DELETE FROM model_benchmarks WHERE sample = 1;
