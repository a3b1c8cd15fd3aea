-- What `touchstone sync` reads, in the order of the columns in schema/duckdb.sql. The first column of a row is the id that
-- the copy knows it by.

-- The newest changes; calls below the third may have gone for their age; the tag of public ids.
-- name: sync_position
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'sync_change'), 0),
  coalesce((SELECT max(changed) FROM clone_changes), 0),
  coalesce((SELECT value FROM meta WHERE key = 'whole_from_id'), 0), (SELECT value FROM meta WHERE key = 'tag');

-- Where the scan ends that begins behind ?1: not beyond ?2, at most ?3 calls.
-- name: sync_calls_end
SELECT max(id), count(*) FROM (SELECT id FROM call WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3);

-- name: sync_calls
SELECT c.id, c.outcome, c.rating, s.provider, s.model, requested.text, reported.text, s.task_type, s.task_complexity,
  c.classified, dialect.text, c.streamed, c.cold, c.simulated, c.reported,
  c.total_us, c.ttft_us, c.decode_us, c.queue_us, c.connect_us, c.load_us, c.first_byte_us, c.first_visible_us,
  c.max_stall_us, c.overhead_us,
  c.fresh_tokens, c.cache_read_tokens, c.cache_write_tokens, c.output_tokens, c.reasoning_tokens, c.unsplit_tokens,
  c.tokens_source, c.cost_nano_usd, finish.text, error.text, c.error_text, f.comment,
  user.text, segment.text, conversation.text, c.message_id, tags.text, c.metadata
FROM call c
JOIN series s USING(series_id)
LEFT JOIN label requested ON requested.label_id = c.requested_model_id
LEFT JOIN label reported ON reported.label_id = c.reported_model_id
LEFT JOIN label dialect ON dialect.label_id = c.dialect_id
LEFT JOIN label finish ON finish.label_id = c.finish_id
LEFT JOIN label error ON error.label_id = c.error_id
LEFT JOIN label user ON user.label_id = c.user_id
LEFT JOIN label segment ON segment.label_id = c.segment_id
LEFT JOIN label conversation ON conversation.label_id = c.conversation_id
LEFT JOIN label tags ON tags.label_id = c.tags_id
LEFT JOIN feedback f ON f.call_id = c.id
WHERE c.id > ?1 AND c.id <= ?2
ORDER BY c.id;

-- name: sync_attempts
SELECT a.call_id, a.n, p.text, m.text, e.text, a.status, a.error_text, a.duration_us, a.wait_us
FROM attempt a
JOIN label p ON p.label_id = a.provider_id
JOIN label m ON m.label_id = a.model_id
JOIN label e ON e.label_id = a.cause_id
WHERE a.call_id > ?1 AND a.call_id <= ?2
ORDER BY a.call_id, a.n;

-- Where the changes end that begin behind ?1, at most ?2 of them.
-- name: sync_changes_end
SELECT max(seq), count(*) FROM (SELECT seq FROM sync_change WHERE seq > ?1 ORDER BY seq LIMIT ?2);

-- Of a kind, those behind ?2 up to ?3.
-- name: sync_changed
SELECT DISTINCT id FROM sync_change WHERE kind = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY id;

-- Calls that are still there though their day is going.
-- name: sync_kept
SELECT id FROM call WHERE id < ?1 ORDER BY id;

-- name: sync_stats
SELECT task_type, model_id, successes, failures, timeouts, total_tokens, total_cost, last_used FROM model_stats
ORDER BY task_type, model_id;

-- Where the changes of websites, their clones and of benchmarks end that begin behind ?1, at most ?2 of them.
-- name: sync_clones_end
SELECT max(changed), count(*) FROM (SELECT changed FROM clone_changes WHERE changed > ?1 ORDER BY changed LIMIT ?2);

-- name: sync_clones_changed
SELECT id FROM clone_changes WHERE kind = ?1 AND changed > ?2 AND changed <= ?3 ORDER BY id;

-- name: sync_websites
SELECT id, url, domain, title, description, status, content_length, word_count, screenshot_url, scraped_at, sample,
  firecrawl_metadata, markdown_content, html_content
FROM websites WHERE id > ?1 AND id <= ?2 ORDER BY id;

-- name: sync_clones
SELECT id, website_id, provider, model_name, status, generation_time_ms, code_size_bytes, component_count, created_at,
  call_id, quality_score, sample, sandbox_url, style_selected, additional_instructions, error_message, quality, generated_code
FROM clone_attempts WHERE id > ?1 AND id <= ?2 ORDER BY id;

-- name: sync_files
SELECT clone_attempt_id, id, file_path, file_type, lines_of_code, size_bytes, quality_score, quality, metadata, content
FROM code_files WHERE clone_attempt_id > ?1 AND clone_attempt_id <= ?2 ORDER BY clone_attempt_id, id;

-- name: sync_benchmarks
SELECT id, provider, model_name, model_size, website_complexity, attempts, calls, avg_generation_time_ms, avg_code_size_bytes,
  success_rate, avg_code_quality_score, avg_user_satisfaction, tokens_per_second, hardware_specs, benchmark_date, notes, sample
FROM model_benchmarks WHERE id > ?1 AND id <= ?2 ORDER BY id;
