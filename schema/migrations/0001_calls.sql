-- Version 1: one row per call, ratings, attempts, all-time statistics, and the views that people read.
-- docs/database.md tells the story; times are microseconds unless the name says otherwise.
PRAGMA application_id = 0x54534442; -- "TSDB"
PRAGMA user_version = 1;

-- Facts about this file. tag: the 54 random bits that all public ids of this file share.
CREATE TABLE meta(
  key TEXT PRIMARY KEY,
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta(key, value) VALUES ('tag', random() & 0x3fffffffffffff); -- or the program's: tag_set

-- What a call was of: the unit of grouping, and later of roll-up cells.
CREATE TABLE series(
  series_id INTEGER PRIMARY KEY,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  task_type TEXT NOT NULL,
  complexity INTEGER NOT NULL CHECK(complexity BETWEEN 0 AND 3), -- 0: unknown
  task_complexity TEXT GENERATED ALWAYS AS
    (CASE complexity WHEN 1 THEN 'simple' WHEN 2 THEN 'medium' WHEN 3 THEN 'complex' END) VIRTUAL,
  UNIQUE(provider, model, task_type, complexity)
) STRICT;

-- Texts that repeat from call to call: users, conversations, dialects, error codes, tag sets.
CREATE TABLE label(
  label_id INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE call(
  id INTEGER PRIMARY KEY, -- (Unix ms when accepted << 20) | sequence: the time index as well
  series_id INTEGER NOT NULL REFERENCES series,
  outcome INTEGER NOT NULL CHECK(outcome BETWEEN 0 AND 4),
  rating INTEGER NOT NULL DEFAULT 0 CHECK(rating BETWEEN -1 AND 1),

  total_us INTEGER,
  ttft_us INTEGER,
  decode_us INTEGER,
  queue_us INTEGER,
  connect_us INTEGER,
  load_us INTEGER,
  first_byte_us INTEGER,
  first_visible_us INTEGER,
  max_stall_us INTEGER,
  overhead_us INTEGER,

  fresh_tokens INTEGER, -- input neither read from nor written to a cache
  cache_read_tokens INTEGER,
  cache_write_tokens INTEGER,
  output_tokens INTEGER,
  reasoning_tokens INTEGER, -- a part of output_tokens
  unsplit_tokens INTEGER, -- reported as a total, of whatever kind
  tokens_source INTEGER NOT NULL DEFAULT 0 CHECK(tokens_source BETWEEN 0 AND 2),
  cost_nano_usd INTEGER,

  classified INTEGER NOT NULL DEFAULT 0 CHECK(classified IN (0, 1)),
  streamed INTEGER NOT NULL DEFAULT 0 CHECK(streamed IN (0, 1)),
  cold INTEGER NOT NULL DEFAULT 0 CHECK(cold IN (0, 1)),
  simulated INTEGER NOT NULL DEFAULT 0 CHECK(simulated IN (0, 1)),
  reported INTEGER NOT NULL DEFAULT 0 CHECK(reported IN (0, 1)),

  -- labels
  dialect_id INTEGER,
  finish_id INTEGER,
  error_id INTEGER,
  requested_model_id INTEGER,
  reported_model_id INTEGER,
  user_id INTEGER,
  segment_id INTEGER,
  conversation_id INTEGER,
  tags_id INTEGER,

  message_id TEXT,
  error_text TEXT,
  metadata TEXT,

  success INTEGER GENERATED ALWAYS AS (CASE outcome WHEN 0 THEN 1 WHEN 1 THEN NULL ELSE 0 END) VIRTUAL,
  input_tokens INTEGER GENERATED ALWAYS AS
    (CASE WHEN coalesce(fresh_tokens, cache_read_tokens, cache_write_tokens) IS NOT NULL
     THEN coalesce(fresh_tokens, 0) + coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0) END) VIRTUAL,
  tokens_used INTEGER GENERATED ALWAYS AS
    (CASE WHEN coalesce(fresh_tokens, cache_read_tokens, cache_write_tokens, output_tokens, unsplit_tokens) IS NOT NULL
     THEN coalesce(fresh_tokens, 0) + coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0)
          + coalesce(output_tokens, 0) + coalesce(unsplit_tokens, 0) END) VIRTUAL
) STRICT;

CREATE INDEX call_conversation ON call(conversation_id) WHERE conversation_id IS NOT NULL;
CREATE INDEX call_message ON call(message_id) WHERE message_id IS NOT NULL;
CREATE INDEX call_simulated ON call(simulated) WHERE simulated = 1;

-- A try that failed and was followed by another; the last try is the call itself.
CREATE TABLE attempt(
  call_id INTEGER NOT NULL REFERENCES call ON DELETE CASCADE,
  n INTEGER NOT NULL,
  provider_id INTEGER NOT NULL,
  model_id INTEGER NOT NULL,
  cause_id INTEGER NOT NULL,
  status INTEGER,
  duration_us INTEGER,
  wait_us INTEGER,
  error_text TEXT,
  PRIMARY KEY(call_id, n)
) STRICT, WITHOUT ROWID;

-- What its reporter calls a call that was reported to us: the same name again is the same call.
CREATE TABLE reported_id(
  external_id TEXT PRIMARY KEY,
  call_id INTEGER NOT NULL REFERENCES call ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX reported_id_call ON reported_id(call_id);

-- When a call was rated, and in which words; the thumb itself is call.rating.
CREATE TABLE feedback(
  call_id INTEGER PRIMARY KEY REFERENCES call ON DELETE CASCADE,
  rated_ms INTEGER NOT NULL,
  comment TEXT
) STRICT;

-- All-time outcomes per task type and model, kept when raw rows expire. Cancelled calls are not in it.
CREATE TABLE model_stats(
  id INTEGER PRIMARY KEY,
  task_type TEXT NOT NULL,
  model_id TEXT NOT NULL,
  successes INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0, -- timeouts included
  timeouts INTEGER NOT NULL DEFAULT 0,
  total_tokens INTEGER NOT NULL DEFAULT 0,
  total_cost REAL NOT NULL DEFAULT 0,
  last_used TEXT,
  UNIQUE(task_type, model_id)
) STRICT;

-- Every column of a call as text and numbers a person can read.
CREATE VIEW calls AS
SELECT
  c.id AS call_id,
  printf('%08x-%04x-8%03x-%04x-%012x', c.id >> 36, (c.id >> 20) & 0xffff, (c.id >> 8) & 0xfff,
         0x8000 | ((c.id & 0xff) << 6) | (m.value >> 48), m.value & 0xffffffffffff) AS id,
  strftime('%Y-%m-%dT%H:%M:%fZ', (c.id >> 20) / 1000.0, 'unixepoch') AS timestamp,
  CASE c.outcome WHEN 0 THEN 'done' WHEN 1 THEN 'cancelled' WHEN 2 THEN 'upstream_cut'
    WHEN 3 THEN 'upstream_error' WHEN 4 THEN 'timeout' END AS outcome,
  c.success,
  s.provider, s.model, requested.text AS requested_model, reported.text AS reported_model,
  s.task_type, s.task_complexity AS complexity,
  c.classified, dialect.text AS dialect, c.streamed, c.cold, c.simulated, c.reported,
  c.total_us, c.ttft_us, c.decode_us, c.queue_us, c.connect_us, c.load_us, c.first_byte_us,
  c.first_visible_us, c.max_stall_us, c.overhead_us,
  c.fresh_tokens, c.cache_read_tokens, c.cache_write_tokens, c.output_tokens, c.reasoning_tokens, c.unsplit_tokens,
  c.input_tokens, c.tokens_used,
  CASE c.tokens_source WHEN 0 THEN 'absent' WHEN 1 THEN 'counted' WHEN 2 THEN 'provider' END AS tokens_source,
  c.cost_nano_usd,
  finish.text AS finish_reason, error.text AS error_code, c.error_text,
  c.rating, f.comment,
  user.text AS user_id, segment.text AS user_segment, conversation.text AS conversation_id, c.message_id,
  tags.text AS tags, c.metadata
FROM call c
JOIN series s USING(series_id)
JOIN meta m ON m.key = 'tag'
LEFT JOIN label requested ON requested.label_id = c.requested_model_id
LEFT JOIN label reported ON reported.label_id = c.reported_model_id
LEFT JOIN label dialect ON dialect.label_id = c.dialect_id
LEFT JOIN label finish ON finish.label_id = c.finish_id
LEFT JOIN label error ON error.label_id = c.error_id
LEFT JOIN label user ON user.label_id = c.user_id
LEFT JOIN label segment ON segment.label_id = c.segment_id
LEFT JOIN label conversation ON conversation.label_id = c.conversation_id
LEFT JOIN label tags ON tags.label_id = c.tags_id
LEFT JOIN feedback f ON f.call_id = c.id;

CREATE VIEW model_performance_metrics AS
SELECT
  id, model, provider, task_type, complexity AS task_complexity,
  CAST(round(total_us / 1000.0) AS INTEGER) AS response_time_ms,
  tokens_used, input_tokens, output_tokens, success,
  coalesce(error_text, error_code) AS error_message,
  rating AS user_rating, conversation_id, coalesce(user_id, 'local') AS user_id, message_id,
  CASE WHEN tags IS NULL THEN metadata
       WHEN metadata IS NULL THEN tags
       WHEN json_valid(tags) AND json_valid(metadata) THEN json_patch(metadata, tags)
       ELSE metadata END AS metadata,
  timestamp
FROM calls;

-- What a learner counts: calls that ended by themselves. Cancelled ones prove nothing and are left out.
CREATE VIEW model_outcomes AS
SELECT
  c.id, s.task_type, s.model AS model_id, c.success, c.outcome = 4 AS timeout,
  c.tokens_used, c.cost_nano_usd / 1e9 AS cost_usd,
  strftime('%Y-%m-%dT%H:%M:%fZ', (c.id >> 20) / 1000.0, 'unixepoch') AS timestamp
FROM call c JOIN series s USING(series_id)
WHERE c.outcome <> 1;

CREATE VIEW llm_task_outcomes AS SELECT * FROM model_outcomes;

CREATE VIEW model_performance AS
SELECT task_type, model_id,
  count(CASE WHEN success = 1 THEN 1 END) AS successes,
  count(CASE WHEN success = 0 THEN 1 END) AS failures,
  sum(tokens_used) AS total_tokens,
  sum(cost_usd) AS total_cost
FROM llm_task_outcomes
GROUP BY task_type, model_id;

-- The last 30 days, as the views below need them. counted: not cancelled; only those have times and rates.
CREATE VIEW recent_calls AS
SELECT c.*, s.provider, s.model, s.task_type, c.outcome <> 1 AS counted,
  CASE WHEN c.outcome <> 1 THEN c.total_us / 1000.0 END AS response_ms
FROM call c JOIN series s USING(series_id)
WHERE c.id >= ((CAST(strftime('%s', 'now') AS INTEGER) - 30 * 86400) * 1000) << 20;

-- Median and p95 are nearest-rank: the smallest value with at least that share at or below it.
CREATE VIEW model_avg_response_time AS
WITH ranked AS (
  SELECT model, provider, response_ms,
    row_number() OVER (PARTITION BY model, provider, response_ms IS NULL ORDER BY response_ms) AS k,
    count(*) OVER (PARTITION BY model, provider, response_ms IS NULL) AS n
  FROM recent_calls)
SELECT model, provider, count(*) AS total_calls,
  round(avg(response_ms), 3) AS avg_response_ms,
  min(response_ms) AS min_response_ms,
  max(response_ms) AS max_response_ms,
  min(CASE WHEN k >= (n * 50 + 99) / 100 THEN response_ms END) AS median_response_ms,
  min(CASE WHEN k >= (n * 95 + 99) / 100 THEN response_ms END) AS p95_response_ms
FROM ranked
GROUP BY model, provider
ORDER BY avg_response_ms;

CREATE VIEW model_success_rate AS
SELECT model, provider, count(*) AS total_calls,
  count(CASE WHEN success = 1 THEN 1 END) AS successful_calls,
  count(CASE WHEN success = 0 THEN 1 END) AS failed_calls,
  round(100.0 * avg(success), 2) AS success_rate_percent
FROM recent_calls
GROUP BY model, provider
ORDER BY success_rate_percent DESC;

CREATE VIEW model_user_satisfaction AS
SELECT model, provider,
  count(*) AS rated_calls,
  count(CASE WHEN rating = 1 THEN 1 END) AS thumbs_up,
  count(CASE WHEN rating = -1 THEN 1 END) AS thumbs_down,
  round(100.0 * avg(rating = 1), 2) AS satisfaction_percent
FROM recent_calls
WHERE rating <> 0 AND counted
GROUP BY model, provider
ORDER BY satisfaction_percent DESC;

-- quality_score: 40 % success, 40 % satisfaction, 20 % speed; unknown parts drop out.
CREATE VIEW best_model_by_task AS
WITH figures AS (
  SELECT task_type, model, provider, count(*) AS total_calls,
    avg(response_ms) AS response_ms,
    100.0 * avg(success) AS success,
    100.0 * avg(CASE WHEN counted THEN CASE rating WHEN 1 THEN 1 WHEN -1 THEN 0 END END) AS satisfaction
  FROM recent_calls
  GROUP BY task_type, model, provider),
scored AS (
  SELECT *,
    (coalesce(0.4 * success, 0) + coalesce(0.4 * satisfaction, 0)
      + coalesce(0.2 * max(0, 100 - min(100, response_ms / 100)), 0))
    / nullif((success IS NOT NULL) * 0.4 + (satisfaction IS NOT NULL) * 0.4 + (response_ms IS NOT NULL) * 0.2, 0)
    AS quality
  FROM figures),
ranked AS (
  SELECT *, row_number() OVER (PARTITION BY task_type ORDER BY quality DESC, total_calls DESC, model, provider) AS place
  FROM scored WHERE quality IS NOT NULL)
SELECT task_type, model, provider, total_calls,
  round(response_ms, 3) AS avg_response_ms,
  round(success, 2) AS success_rate,
  round(satisfaction, 2) AS satisfaction_rate,
  round(quality, 2) AS quality_score
FROM ranked
WHERE place = 1
ORDER BY task_type;

CREATE VIEW model_token_efficiency AS
SELECT model, provider, count(*) AS total_calls,
  round(avg(CASE WHEN counted THEN tokens_used END), 2) AS avg_tokens,
  round(avg(CASE WHEN counted THEN 1.0 * output_tokens / nullif(input_tokens, 0) END), 4) AS avg_output_input_ratio,
  sum(CASE WHEN counted THEN input_tokens END) AS total_input_tokens,
  sum(CASE WHEN counted THEN output_tokens END) AS total_output_tokens
FROM recent_calls
GROUP BY model, provider
ORDER BY avg_tokens;

CREATE VIEW model_performance_trends AS
SELECT date((id >> 20) / 1000, 'unixepoch') AS date, model, provider, task_type,
  count(*) AS total_calls,
  round(avg(response_ms), 3) AS avg_response_ms,
  round(100.0 * avg(success), 2) AS success_rate
FROM recent_calls
GROUP BY date, model, provider, task_type
ORDER BY date DESC, model, provider, task_type;
