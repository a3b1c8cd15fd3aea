-- The column store: what `touchstone sync` makes of the calls in DuckDB. Its blocks are run as they are, with the words
-- between @ put in (server/sync_load.h). docs/data.md tells people of the tables and views.

-- Tables of that name that are not ours are not to be lost.
-- name: guard
SELECT CASE WHEN count(*) > 0 THEN error(
  'this DuckDB file has a table or view "' || min(name) || '" that touchstone did not make: name another file, or rename it') END
FROM (SELECT table_name AS name FROM duckdb_tables() UNION ALL SELECT view_name FROM duckdb_views())
WHERE name IN ('call_data', 'attempts', 'model_stats', 'calls', 'model_performance_metrics', 'model_outcomes',
    'model_performance', 'websites', 'clone_attempts', 'code_files', 'model_benchmarks', 'model_performance_summary',
    'website_complexity_analysis')
  AND NOT EXISTS (SELECT 1 FROM duckdb_tables() WHERE table_name = 'sync_state');

-- name: reset
DELETE FROM sync_state;
INSERT INTO sync_state VALUES ('', @TAG@, @BATCH@, now()::TIMESTAMP);

-- A call of SQLite's table `call`, its texts in place of numbers; outcome: 0 done, 1 cancelled, 2 upstream_cut,
-- 3 upstream_error, 4 timeout; tokens_source: 0 absent, 1 counted, 2 provider.
DROP TABLE IF EXISTS call_data;
CREATE TABLE call_data(
  call_id BIGINT NOT NULL, outcome_code TINYINT NOT NULL, rating TINYINT NOT NULL,
  provider VARCHAR, model VARCHAR, requested_model VARCHAR, reported_model VARCHAR, task_type VARCHAR, complexity VARCHAR,
  classified TINYINT, dialect VARCHAR, streamed TINYINT, cold TINYINT, simulated TINYINT, reported TINYINT,
  total_us BIGINT, ttft_us BIGINT, decode_us BIGINT, queue_us BIGINT, connect_us BIGINT, load_us BIGINT,
  first_byte_us BIGINT, first_visible_us BIGINT, max_stall_us BIGINT, overhead_us BIGINT,
  fresh_tokens BIGINT, cache_read_tokens BIGINT, cache_write_tokens BIGINT, output_tokens BIGINT,
  reasoning_tokens BIGINT, unsplit_tokens BIGINT, tokens_source_code TINYINT, cost_nano_usd BIGINT,
  finish_reason VARCHAR, error_code VARCHAR, error_text VARCHAR, comment VARCHAR,
  user_id VARCHAR, user_segment VARCHAR, conversation_id VARCHAR, message_id VARCHAR, tags VARCHAR, metadata VARCHAR);

DROP TABLE IF EXISTS attempts;
CREATE TABLE attempts(
  call_id BIGINT NOT NULL, n INTEGER NOT NULL, provider VARCHAR, model VARCHAR, cause VARCHAR, status INTEGER,
  error_text VARCHAR, duration_us BIGINT, wait_us BIGINT);

DROP TABLE IF EXISTS model_stats;
CREATE TABLE model_stats(
  task_type VARCHAR, model_id VARCHAR, successes BIGINT, failures BIGINT, timeouts BIGINT, total_tokens BIGINT,
  total_cost DOUBLE, last_used VARCHAR);

DROP TABLE IF EXISTS websites;
CREATE TABLE websites(
  id BIGINT NOT NULL, url VARCHAR, domain VARCHAR, title VARCHAR, description VARCHAR, status VARCHAR,
  content_length BIGINT, word_count BIGINT, screenshot_url VARCHAR, scraped_at VARCHAR, sample TINYINT,
  firecrawl_metadata VARCHAR, markdown_content VARCHAR, html_content VARCHAR);

DROP TABLE IF EXISTS clone_attempts;
CREATE TABLE clone_attempts(
  id BIGINT NOT NULL, website_id BIGINT, provider VARCHAR, model_name VARCHAR, status VARCHAR, generation_time_ms BIGINT,
  code_size_bytes BIGINT, component_count BIGINT, created_at VARCHAR, call_id BIGINT, quality_score DOUBLE, sample TINYINT,
  sandbox_url VARCHAR, style_selected VARCHAR, additional_instructions VARCHAR, error_message VARCHAR, quality VARCHAR,
  generated_code VARCHAR);

DROP TABLE IF EXISTS code_files;
CREATE TABLE code_files(
  clone_attempt_id BIGINT NOT NULL, id BIGINT, file_path VARCHAR, file_type VARCHAR, lines_of_code BIGINT,
  size_bytes BIGINT, quality_score DOUBLE, quality VARCHAR, metadata VARCHAR, content VARCHAR);

DROP TABLE IF EXISTS model_benchmarks;
CREATE TABLE model_benchmarks(
  id BIGINT NOT NULL, provider VARCHAR, model_name VARCHAR, model_size VARCHAR, website_complexity VARCHAR,
  attempts BIGINT, calls BIGINT, avg_generation_time_ms DOUBLE, avg_code_size_bytes DOUBLE, success_rate DOUBLE,
  avg_code_quality_score DOUBLE, avg_user_satisfaction DOUBLE, tokens_per_second DOUBLE, hardware_specs VARCHAR,
  benchmark_date VARCHAR, notes VARCHAR, sample TINYINT);

-- The columns of SQLite's view of that name; timestamp is a TIMESTAMP here, in UTC.
CREATE OR REPLACE VIEW calls AS
SELECT call_id,
  format('{:08x}-{:04x}-8{:03x}-{:04x}-{:012x}', call_id >> 36, (call_id >> 20) & 65535, (call_id >> 8) & 4095,
    32768 | ((call_id & 255) << 6) | (tag >> 48), tag & 281474976710655) AS id,
  make_timestamp((call_id >> 20) * 1000) AS timestamp,
  CASE outcome_code WHEN 0 THEN 'done' WHEN 1 THEN 'cancelled' WHEN 2 THEN 'upstream_cut' WHEN 3 THEN 'upstream_error'
    WHEN 4 THEN 'timeout' END AS outcome,
  CASE outcome_code WHEN 0 THEN 1 WHEN 1 THEN NULL ELSE 0 END AS success,
  provider, model, requested_model, reported_model, task_type, complexity,
  classified, dialect, streamed, cold, simulated, reported,
  total_us, ttft_us, decode_us, queue_us, connect_us, load_us, first_byte_us, first_visible_us, max_stall_us, overhead_us,
  fresh_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, unsplit_tokens,
  CASE WHEN coalesce(fresh_tokens, cache_read_tokens, cache_write_tokens) IS NOT NULL
    THEN coalesce(fresh_tokens, 0) + coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0) END AS input_tokens,
  CASE WHEN coalesce(fresh_tokens, cache_read_tokens, cache_write_tokens, output_tokens, unsplit_tokens) IS NOT NULL
    THEN coalesce(fresh_tokens, 0) + coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0)
      + coalesce(output_tokens, 0) + coalesce(unsplit_tokens, 0) END AS tokens_used,
  CASE tokens_source_code WHEN 0 THEN 'absent' WHEN 1 THEN 'counted' WHEN 2 THEN 'provider' END AS tokens_source,
  cost_nano_usd, finish_reason, error_code, error_text, rating, comment,
  user_id, user_segment, conversation_id, message_id, tags, metadata
FROM call_data CROSS JOIN sync_state;

CREATE OR REPLACE VIEW model_performance_metrics AS
SELECT id, model, provider, task_type, complexity AS task_complexity,
  CAST(round(total_us / 1000.0) AS BIGINT) AS response_time_ms,
  tokens_used, input_tokens, output_tokens, success, coalesce(error_text, error_code) AS error_message,
  rating AS user_rating, conversation_id, coalesce(user_id, 'local') AS user_id, message_id,
  CASE WHEN tags IS NULL THEN metadata WHEN metadata IS NULL THEN tags
    ELSE CAST(json_merge_patch(metadata::JSON, tags::JSON) AS VARCHAR) END AS metadata,
  timestamp
FROM calls;

CREATE OR REPLACE VIEW model_outcomes AS
SELECT call_id AS id, task_type, model AS model_id, success, outcome = 'timeout' AS timeout, tokens_used,
  cost_nano_usd / 1e9 AS cost_usd, timestamp
FROM calls WHERE outcome <> 'cancelled';

CREATE OR REPLACE VIEW model_performance AS
SELECT task_type, model_id,
  count(CASE WHEN success = 1 THEN 1 END) AS successes, count(CASE WHEN success = 0 THEN 1 END) AS failures,
  sum(tokens_used)::BIGINT AS total_tokens, sum(cost_usd) AS total_cost
FROM model_outcomes
GROUP BY task_type, model_id;

CREATE OR REPLACE VIEW model_performance_summary AS
SELECT provider, model_name, count(*) AS total_attempts, avg(generation_time_ms) AS avg_generation_time,
  100.0 * count(CASE WHEN status = 'success' THEN 1 END) / count(*) AS success_rate, avg(code_size_bytes) AS avg_code_size
FROM clone_attempts
GROUP BY provider, model_name
ORDER BY avg_generation_time;

CREATE OR REPLACE VIEW website_complexity_analysis AS
SELECT w.domain, w.title, w.word_count, count(a.id) AS clone_attempts, avg(a.generation_time_ms) AS avg_generation_time
FROM websites w LEFT JOIN clone_attempts a ON a.website_id = w.id
GROUP BY w.id, w.domain, w.title, w.word_count
ORDER BY w.word_count DESC;

-- Before each load but that of a reset.
-- name: expect
SELECT CASE WHEN coalesce(max(batch), -1) < @BATCH@ THEN error(
  'loads are missing before this one: run touchstone sync --full, and load what that writes') END
FROM sync_state;

-- state: touchstone's own. tag: of the public ids. batch: the load that was the last.
-- name: begin
BEGIN;
CREATE TABLE IF NOT EXISTS sync_state(
  state VARCHAR NOT NULL, tag BIGINT NOT NULL, batch BIGINT NOT NULL, synced_at TIMESTAMP NOT NULL);
CREATE TEMP TABLE IF NOT EXISTS sync_ids(id BIGINT);

-- Rows behind one id up to another.
-- name: scan
DELETE FROM @TABLE@ WHERE @KEY@ > @AFTER@ AND @KEY@ <= @END@;

-- Rows of a list of ids, before they come anew or because they are gone.
-- name: change
DELETE FROM @TABLE@ WHERE @KEY@ IN (SELECT id FROM sync_ids);

-- Rows below an id, but for those of a list.
-- name: expire
DELETE FROM @TABLE@ WHERE @KEY@ < @END@ AND @KEY@ NOT IN (SELECT id FROM sync_ids);

-- name: ids
DELETE FROM sync_ids;
COPY sync_ids FROM @FILE@ (FORMAT csv, HEADER false, AUTO_DETECT false, DELIMITER ',');

-- name: forget
DELETE FROM @TABLE@;

-- name: rows
COPY @TABLE@ FROM @FILE@ (FORMAT csv, HEADER false, AUTO_DETECT false, DELIMITER ',', QUOTE '"', ESCAPE '"', NULLSTR '',
  ALLOW_QUOTED_NULLS false, PARALLEL false, MAX_LINE_SIZE @WIDEST@, BUFFER_SIZE @BUFFER@);

-- name: note
UPDATE sync_state SET state = @STATE@, batch = @BATCH@, synced_at = now()::TIMESTAMP;

-- name: commit
COMMIT;

-- name: state
SELECT max(state) FROM sync_state;

-- Before the first sync there is no state, and nothing to ask for it.
-- name: has_state
SELECT count(*)::VARCHAR FROM duckdb_tables() WHERE table_name = 'sync_state';

-- Says which load was the last, for the next sync.
-- name: confirm
COPY (SELECT batch FROM sync_state) TO @FILE@ (FORMAT csv, HEADER false);
