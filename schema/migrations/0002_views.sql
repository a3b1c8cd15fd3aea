-- Version 2: the views of the last 30 days agree with the JSON API to the digit, and take half the time.
-- Sums are taken once, by series, in one view that the others group further; averages are of whole microseconds,
-- and figures are rounded as base/round.h does it.
PRAGMA user_version = 2;

DROP VIEW model_avg_response_time;
DROP VIEW model_success_rate;
DROP VIEW model_user_satisfaction;
DROP VIEW best_model_by_task;
DROP VIEW model_token_efficiency;
DROP VIEW model_performance_trends;
DROP VIEW recent_calls;

-- The last 30 * 86,400 seconds, this moment included. counted: not cancelled; only those have times and rates.
CREATE VIEW recent_calls AS
SELECT c.*, s.provider, s.model, s.task_type, c.outcome <> 1 AS counted,
  CASE WHEN c.outcome <> 1 THEN c.total_us / 1000.0 END AS response_ms
FROM call c JOIN series s USING(series_id)
WHERE c.id >= (CAST((julianday('now') - 2440587.5) * 86400000 + 0.5 AS INTEGER) + 1 - 30 * 86400000) << 20
  AND c.id < (CAST((julianday('now') - 2440587.5) * 86400000 + 0.5 AS INTEGER) + 1) << 20;

-- What those calls add up to. judged, timed, weighed, compared: how many know their success, time, tokens, both kinds.
CREATE VIEW recent_series AS
WITH sums AS (
  SELECT series_id, count(*) AS total_calls,
    count(success) AS judged, sum(success) AS successful_calls,
    count(CASE WHEN outcome <> 1 AND rating = 1 THEN 1 END) AS thumbs_up,
    count(CASE WHEN outcome <> 1 AND rating = -1 THEN 1 END) AS thumbs_down,
    count(CASE WHEN outcome <> 1 THEN total_us END) AS timed,
    sum(CASE WHEN outcome <> 1 THEN total_us END) AS sum_us,
    min(CASE WHEN outcome <> 1 THEN total_us END) AS min_us,
    max(CASE WHEN outcome <> 1 THEN total_us END) AS max_us,
    count(CASE WHEN outcome <> 1 THEN tokens_used END) AS weighed,
    sum(CASE WHEN outcome <> 1 THEN tokens_used END) AS tokens,
    sum(CASE WHEN outcome <> 1 THEN input_tokens END) AS input_tokens,
    sum(CASE WHEN outcome <> 1 THEN output_tokens END) AS output_tokens,
    count(CASE WHEN outcome <> 1 THEN output_tokens / nullif(input_tokens, 0) END) AS compared,
    sum(CASE WHEN outcome <> 1 THEN 1.0 * output_tokens / nullif(input_tokens, 0) END) AS ratios
  FROM call
  WHERE id >= (CAST((julianday('now') - 2440587.5) * 86400000 + 0.5 AS INTEGER) + 1 - 30 * 86400000) << 20
    AND id < (CAST((julianday('now') - 2440587.5) * 86400000 + 0.5 AS INTEGER) + 1) << 20
  GROUP BY series_id)
SELECT s.provider, s.model, s.task_type, s.task_complexity, sums.* FROM sums JOIN series s USING(series_id);

-- Median and p95 are nearest-rank: the smallest value with at least that share at or below it.
CREATE VIEW model_avg_response_time AS
WITH named AS MATERIALIZED (
  SELECT series_id, dense_rank() OVER (ORDER BY model, provider) AS number FROM series),
models AS MATERIALIZED (
  SELECT n.number, r.model, r.provider, sum(r.total_calls) AS total_calls, sum(r.timed) AS timed,
    sum(r.sum_us) AS sum_us, min(r.min_us) AS min_us, max(r.max_us) AS max_us
  FROM recent_series r JOIN named n USING(series_id)
  GROUP BY n.number),
ranked AS (
  SELECT n.number, c.total_us, row_number() OVER (PARTITION BY n.number ORDER BY c.total_us) AS k
  FROM call c JOIN named n USING(series_id)
  WHERE c.id >= (CAST((julianday('now') - 2440587.5) * 86400000 + 0.5 AS INTEGER) + 1 - 30 * 86400000) << 20
    AND c.id < (CAST((julianday('now') - 2440587.5) * 86400000 + 0.5 AS INTEGER) + 1) << 20
    AND c.outcome <> 1 AND c.total_us IS NOT NULL),
percentiles AS (
  SELECT m.number,
    max(CASE WHEN r.k = (m.timed * 50 + 99) / 100 THEN r.total_us END) AS median_us,
    max(CASE WHEN r.k = (m.timed * 95 + 99) / 100 THEN r.total_us END) AS p95_us
  FROM ranked r CROSS JOIN models m
  WHERE m.number = r.number AND (r.k = (m.timed * 50 + 99) / 100 OR r.k = (m.timed * 95 + 99) / 100)
  GROUP BY m.number)
SELECT m.model, m.provider, m.total_calls,
  round(1.0 * m.sum_us / m.timed) / 1000.0 AS avg_response_ms,
  m.min_us / 1000.0 AS min_response_ms,
  m.max_us / 1000.0 AS max_response_ms,
  p.median_us / 1000.0 AS median_response_ms,
  p.p95_us / 1000.0 AS p95_response_ms
FROM models m LEFT JOIN percentiles p USING(number)
ORDER BY avg_response_ms;

CREATE VIEW model_success_rate AS
SELECT model, provider, sum(total_calls) AS total_calls,
  coalesce(sum(successful_calls), 0) AS successful_calls,
  sum(judged) - coalesce(sum(successful_calls), 0) AS failed_calls,
  round(100.0 * (1.0 * sum(successful_calls) / sum(judged)) * 100.0) / 100.0 AS success_rate_percent
FROM recent_series
GROUP BY model, provider
ORDER BY success_rate_percent DESC;

CREATE VIEW model_user_satisfaction AS
SELECT model, provider,
  sum(thumbs_up + thumbs_down) AS rated_calls,
  sum(thumbs_up) AS thumbs_up,
  sum(thumbs_down) AS thumbs_down,
  round(100.0 * (1.0 * sum(thumbs_up) / sum(thumbs_up + thumbs_down)) * 100.0) / 100.0 AS satisfaction_percent
FROM recent_series
GROUP BY model, provider
HAVING sum(thumbs_up + thumbs_down) > 0
ORDER BY satisfaction_percent DESC;

-- quality_score: 40 % success, 40 % satisfaction, 20 % speed; unknown parts drop out.
CREATE VIEW best_model_by_task AS
WITH figures AS (
  SELECT task_type, model, provider, sum(total_calls) AS total_calls,
    1.0 * sum(sum_us) / sum(timed) AS response_us,
    100.0 * (1.0 * sum(successful_calls) / sum(judged)) AS success,
    100.0 * (1.0 * sum(thumbs_up) / sum(thumbs_up + thumbs_down)) AS satisfaction
  FROM recent_series
  GROUP BY task_type, model, provider),
scored AS (
  SELECT *,
    (coalesce(0.4 * success, 0) + coalesce(0.4 * satisfaction, 0)
      + coalesce(0.2 * max(0.0, 100 - response_us / 1000.0 / 100.0), 0))
    / nullif((success IS NOT NULL) * 0.4 + (satisfaction IS NOT NULL) * 0.4 + (response_us IS NOT NULL) * 0.2, 0)
    AS quality
  FROM figures),
ranked AS (
  SELECT *, row_number() OVER (PARTITION BY task_type ORDER BY quality DESC, total_calls DESC, model, provider) AS place
  FROM scored WHERE quality IS NOT NULL)
SELECT task_type, model, provider, total_calls,
  round(response_us) / 1000.0 AS avg_response_ms,
  round(success * 100.0) / 100.0 AS success_rate,
  round(satisfaction * 100.0) / 100.0 AS satisfaction_rate,
  round(quality * 100.0) / 100.0 AS quality_score
FROM ranked
WHERE place = 1
ORDER BY task_type;

CREATE VIEW model_token_efficiency AS
SELECT model, provider, sum(total_calls) AS total_calls,
  round(1.0 * sum(tokens) / sum(weighed) * 100.0) / 100.0 AS avg_tokens,
  round(sum(ratios) / sum(compared) * 10000.0) / 10000.0 AS avg_output_input_ratio,
  sum(input_tokens) AS total_input_tokens,
  sum(output_tokens) AS total_output_tokens
FROM recent_series
GROUP BY model, provider
ORDER BY avg_tokens;

CREATE VIEW model_performance_trends AS
WITH days AS (
  SELECT (id >> 20) / 86400000 AS day, series_id, count(*) AS total_calls,
    count(success) AS judged, sum(success) AS successes,
    count(CASE WHEN outcome <> 1 THEN total_us END) AS timed,
    sum(CASE WHEN outcome <> 1 THEN total_us END) AS sum_us
  FROM call
  WHERE id >= (CAST((julianday('now') - 2440587.5) * 86400000 + 0.5 AS INTEGER) + 1 - 30 * 86400000) << 20
    AND id < (CAST((julianday('now') - 2440587.5) * 86400000 + 0.5 AS INTEGER) + 1) << 20
  GROUP BY day, series_id)
SELECT date(d.day * 86400, 'unixepoch') AS date, s.model, s.provider, s.task_type,
  sum(d.total_calls) AS total_calls,
  round(1.0 * sum(d.sum_us) / sum(d.timed)) / 1000.0 AS avg_response_ms,
  round(100.0 * (1.0 * sum(d.successes) / sum(d.judged)) * 100.0) / 100.0 AS success_rate
FROM days d JOIN series s USING(series_id)
GROUP BY d.day, s.model, s.provider, s.task_type
ORDER BY date DESC, s.model, s.provider, s.task_type;
