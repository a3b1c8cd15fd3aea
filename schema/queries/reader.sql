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
SELECT c.id, c.series_id, c.outcome, c.rating, c.cold, c.total_us, c.ttft_us, c.decode_us,
  c.fresh_tokens, c.cache_read_tokens, c.cache_write_tokens, c.output_tokens, c.unsplit_tokens, c.cost_nano_usd
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
SELECT id, series_id, outcome, rating, cold, total_us, ttft_us, decode_us,
  fresh_tokens, cache_read_tokens, cache_write_tokens, output_tokens, unsplit_tokens, cost_nano_usd
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

-- name: website_page
SELECT w.id, url, domain, title, description, status, content_length, word_count, screenshot_url, scraped_at, sample,
  coalesce(attempts, 0), coalesce(successes, 0), timed, time_ms
FROM websites w LEFT JOIN website_counts c ON c.website_id = w.id
WHERE w.id < ?1 AND (?2 IS NULL OR url = ?2) AND (?3 IS NULL OR domain = ?3) AND (?4 IS NULL OR status = ?4)
  AND (?5 = 0 OR word_count >= ?5) AND (?6 IS NULL OR word_count < ?6)
ORDER BY w.id DESC LIMIT ?7;

-- name: website_one
SELECT w.id, url, domain, title, description, status, content_length, word_count, screenshot_url, scraped_at, sample,
  coalesce(attempts, 0), coalesce(successes, 0), timed, time_ms, firecrawl_metadata, markdown_content, html_content
FROM websites w LEFT JOIN website_counts c ON c.website_id = w.id
WHERE w.id = ?1;

-- The columns of the next five are the same: what is told of an attempt in lists.
-- name: clone_page
SELECT a.id, a.website_id, w.url, w.title, a.provider, a.model_name, a.status, a.generation_time_ms, a.code_size_bytes,
  a.component_count, a.created_at, a.call_id, a.quality_score, a.sample, a.sandbox_url, a.style_selected,
  a.additional_instructions, a.error_message,
  (SELECT count(*) FROM code_files f WHERE f.clone_attempt_id = a.id)
FROM clone_attempts a JOIN websites w ON w.id = a.website_id
WHERE a.id < ?1 AND (?2 IS NULL OR a.provider = ?2) AND (?3 IS NULL OR a.status = ?3)
ORDER BY a.id DESC LIMIT ?4;

-- name: clone_page_of_model
SELECT a.id, a.website_id, w.url, w.title, a.provider, a.model_name, a.status, a.generation_time_ms, a.code_size_bytes,
  a.component_count, a.created_at, a.call_id, a.quality_score, a.sample, a.sandbox_url, a.style_selected,
  a.additional_instructions, a.error_message,
  (SELECT count(*) FROM code_files f WHERE f.clone_attempt_id = a.id)
FROM clone_attempts a JOIN websites w ON w.id = a.website_id
WHERE a.id < ?1 AND (?2 IS NULL OR a.provider = ?2) AND (?3 IS NULL OR a.status = ?3)
  AND a.model_name = ?5 AND (?6 IS NULL OR a.website_id = ?6)
ORDER BY a.id DESC LIMIT ?4;

-- name: clone_page_of_site
SELECT a.id, a.website_id, w.url, w.title, a.provider, a.model_name, a.status, a.generation_time_ms, a.code_size_bytes,
  a.component_count, a.created_at, a.call_id, a.quality_score, a.sample, a.sandbox_url, a.style_selected,
  a.additional_instructions, a.error_message,
  (SELECT count(*) FROM code_files f WHERE f.clone_attempt_id = a.id)
FROM clone_attempts a JOIN websites w ON w.id = a.website_id
WHERE a.id < ?1 AND (?2 IS NULL OR a.provider = ?2) AND (?3 IS NULL OR a.status = ?3) AND a.website_id = ?5
ORDER BY a.id DESC LIMIT ?4;

-- name: clone_one
SELECT a.id, a.website_id, w.url, w.title, a.provider, a.model_name, a.status, a.generation_time_ms, a.code_size_bytes,
  a.component_count, a.created_at, a.call_id, a.quality_score, a.sample, a.sandbox_url, a.style_selected,
  a.additional_instructions, a.error_message,
  (SELECT count(*) FROM code_files f WHERE f.clone_attempt_id = a.id), a.quality, a.generated_code
FROM clone_attempts a JOIN websites w ON w.id = a.website_id
WHERE a.id = ?1;

-- name: code_files_of_clone
SELECT file_path, file_type, lines_of_code, size_bytes, quality_score, quality, metadata
FROM code_files WHERE clone_attempt_id = ?1 ORDER BY file_path;

-- name: code_file_one
SELECT file_path, file_type, lines_of_code, size_bytes, quality_score, quality, metadata, content
FROM code_files WHERE clone_attempt_id = ?1 AND file_path = ?2;

-- name: clone_unjudged
SELECT id FROM clone_attempts a
WHERE id > ?1 AND quality IS NULL AND EXISTS (SELECT 1 FROM code_files f WHERE f.clone_attempt_id = a.id)
ORDER BY id LIMIT 1;

-- name: code_file_texts
SELECT file_path, content FROM code_files WHERE clone_attempt_id = ?1 ORDER BY file_path;

-- name: clone_there
SELECT 1 FROM clone_attempts WHERE id = ?1;

-- The page that is shown first: index.html before others, those in no folder before others.
-- name: clone_first_page
SELECT file_path FROM code_files WHERE clone_attempt_id = ?1 AND file_type = 'html'
ORDER BY file_path NOT LIKE '%index.html', length(file_path) - length(replace(file_path, '/', '')), file_path LIMIT 1;

-- name: website_id_of_url
SELECT id FROM websites WHERE url = ?1;

-- Of the next five, the sums are the same: what attempts add up to.
-- name: clone_stats
SELECT sum(attempts), sum(successes), sum(timed), sum(time_ms), sum(sized), sum(size_bytes), sum(judged),
  sum(quality_cents), sum(samples), max(last)
FROM (SELECT c.*, (SELECT max(created_at) FROM clone_attempts a
                   WHERE a.provider = c.provider AND a.model_name = c.model_name) AS last
      FROM (SELECT provider, model_name, sum(attempts) AS attempts, sum(successes) AS successes, sum(timed) AS timed,
              sum(time_ms) AS time_ms, sum(sized) AS sized, sum(size_bytes) AS size_bytes, sum(judged) AS judged,
              sum(quality_cents) AS quality_cents, sum(samples) AS samples
            FROM clone_counts WHERE ?1 IS NULL OR model_name = ?1 OR provider || '/' || model_name = ?1
            GROUP BY provider, model_name) c);

-- name: clone_stats_by_model
SELECT sum(attempts), sum(successes), sum(timed), sum(time_ms), sum(sized), sum(size_bytes), sum(judged),
  sum(quality_cents), sum(samples),
  (SELECT max(created_at) FROM clone_attempts a WHERE a.provider = c.provider AND a.model_name = c.model_name),
  provider, model_name
FROM clone_counts c GROUP BY provider, model_name
ORDER BY 1.0 * sum(time_ms) / nullif(sum(timed), 0) IS NULL, 1.0 * sum(time_ms) / nullif(sum(timed), 0), provider,
  model_name;

-- name: clone_report
SELECT provider, model_name, count(*), sum(status = 'success'), sum(sample), avg(generation_time_ms),
  avg(code_size_bytes), avg(quality_score)
FROM clone_attempts
WHERE created_at >= ?1 AND created_at < ?2 AND (?3 IS NULL OR model_name = ?3) AND (?4 IS NULL OR provider = ?4)
GROUP BY provider, model_name ORDER BY count(*) DESC, provider, model_name LIMIT ?5;

-- name: clone_stats_by_provider
SELECT sum(attempts), sum(successes), sum(timed), sum(time_ms), sum(sized), sum(size_bytes), sum(judged),
  sum(quality_cents), sum(samples), (SELECT max(created_at) FROM clone_attempts a WHERE a.provider = c.provider
    AND a.model_name IN (SELECT model_name FROM clone_counts d WHERE d.provider = c.provider)),
  provider, count(DISTINCT model_name)
FROM clone_counts c GROUP BY provider ORDER BY sum(attempts) DESC, provider;

-- name: clone_stats_by_month
SELECT sum(attempts), sum(successes), sum(timed), sum(time_ms), sum(sized), sum(size_bytes), sum(judged),
  sum(quality_cents), sum(samples), NULL, month, provider
FROM clone_counts WHERE month >= ?1 GROUP BY month, provider ORDER BY month DESC, provider;

-- name: clone_stats_by_complexity
SELECT sum(attempts), sum(successes), sum(timed), sum(time_ms), sum(sized), sum(size_bytes), sum(judged),
  sum(quality_cents), sum(samples), NULL,
  CASE WHEN words < 0 THEN 0 WHEN words < ?1 THEN 1 WHEN words < ?2 THEN 2 ELSE 3 END AS class, sum(sites)
FROM word_counts GROUP BY class ORDER BY class = 0, class;

-- name: site_complexity_page
SELECT coalesce(attempts, 0), coalesce(successes, 0), coalesce(timed, 0), coalesce(time_ms, 0), coalesce(sized, 0),
  coalesce(size_bytes, 0), coalesce(judged, 0), coalesce(quality_cents, 0), coalesce(samples, 0), NULL,
  w.id, url, domain, title, word_count
FROM (SELECT id FROM websites ORDER BY word_count DESC, id DESC LIMIT ?1 OFFSET ?2) k
JOIN websites w ON w.id = k.id LEFT JOIN website_counts c ON c.website_id = w.id
ORDER BY word_count DESC, w.id DESC;

-- name: clone_totals
SELECT (SELECT sum(sites) FROM word_counts), (SELECT sum(attempts) FROM clone_counts),
  (SELECT count(*) FROM model_benchmarks), (SELECT count(*) FROM websites WHERE sample = 1),
  (SELECT sum(samples) FROM clone_counts), (SELECT count(*) FROM model_benchmarks WHERE sample = 1);

-- name: clone_model_there
SELECT 1 FROM clone_counts WHERE provider = ?1 AND model_name = ?2 LIMIT 1;

-- name: benchmark_page
SELECT id, provider, model_name, model_size, website_complexity, attempts, calls, avg_generation_time_ms,
  avg_code_size_bytes, success_rate, avg_code_quality_score, avg_user_satisfaction, tokens_per_second, hardware_specs,
  benchmark_date, notes, sample
FROM model_benchmarks
WHERE id < ?1 AND (?2 IS NULL OR model_name = ?2 OR provider || '/' || model_name = ?2)
  AND (?3 IS NULL OR provider = ?3) AND (?4 IS NULL OR website_complexity = ?4)
ORDER BY id DESC LIMIT ?5;

-- What the attempts of each model come to, over all sites (class -1) and by how long the sites are.
-- name: clone_figures
SELECT provider, model_name, class, count(*), avg(generation_time_ms), avg(code_size_bytes),
  100.0 * avg(status = 'success'), avg(quality_score)
FROM (
  SELECT a.provider, a.model_name, a.generation_time_ms, a.code_size_bytes, a.status, a.quality_score, c.class
  FROM clone_attempts a
  JOIN (SELECT id, -1 AS class FROM websites
        UNION ALL
        SELECT id, CASE WHEN word_count < ?3 THEN 1 WHEN word_count < ?4 THEN 2 ELSE 3 END FROM websites
        WHERE word_count IS NOT NULL) c ON c.id = a.website_id
  WHERE (?1 IS NULL OR a.model_name = ?1) AND (?2 IS NULL OR a.provider = ?2) AND a.sample = 0)
GROUP BY provider, model_name, class ORDER BY provider, model_name, class;
