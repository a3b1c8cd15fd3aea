-- Version 8: websites, what models made of them, and benchmarks of models.
PRAGMA user_version = 8;

-- A site as it was scraped, or only its address. Texts come last: lists do not read them.
CREATE TABLE websites(
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice
  url TEXT NOT NULL UNIQUE, -- analytics/site.h says in which form
  domain TEXT NOT NULL,
  title TEXT,
  description TEXT,
  status TEXT NOT NULL CHECK(status IN ('scraped', 'processed', 'cloned')),
  content_length INTEGER, -- bytes of HTML, or of Markdown where there is none
  word_count INTEGER,
  screenshot_url TEXT,
  scraped_at TEXT NOT NULL, -- RFC 3339, UTC, milliseconds; of an unscraped site: when it was first named
  sample INTEGER NOT NULL DEFAULT 0 CHECK(sample IN (0, 1)), -- made up, and removable as such
  firecrawl_metadata TEXT, -- JSON
  markdown_content TEXT,
  html_content TEXT
) STRICT;

CREATE INDEX websites_words ON websites(word_count);
CREATE INDEX websites_sample ON websites(id) WHERE sample = 1;

-- A model was to make the site anew. Attempts of a site are deleted before it.
CREATE TABLE clone_attempts(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  website_id INTEGER NOT NULL REFERENCES websites,
  provider TEXT NOT NULL,
  model_name TEXT NOT NULL, -- without the provider
  status TEXT NOT NULL CHECK(status IN ('success', 'error')),
  generation_time_ms INTEGER,
  code_size_bytes INTEGER, -- all files together; NULL: none were made
  component_count INTEGER,
  created_at TEXT NOT NULL, -- RFC 3339, UTC, milliseconds
  call_id INTEGER, -- the recorded call that made it; its row may have expired
  quality_score REAL CHECK(quality_score BETWEEN 0 AND 100), -- NULL: not judged
  sample INTEGER NOT NULL DEFAULT 0 CHECK(sample IN (0, 1)),
  model TEXT GENERATED ALWAYS AS (model_name) VIRTUAL,
  sandbox_url TEXT,
  style_selected TEXT,
  additional_instructions TEXT,
  error_message TEXT,
  quality TEXT, -- JSON: the parts of the score
  generated_code TEXT -- the answer as it was, where it came as one text; its files are in code_files
) STRICT;

CREATE INDEX clone_attempts_website ON clone_attempts(website_id);
CREATE INDEX clone_attempts_model ON clone_attempts(model_name);
CREATE INDEX clone_attempts_newest ON clone_attempts(provider, model_name, created_at);
CREATE INDEX clone_attempts_created ON clone_attempts(created_at);
CREATE INDEX clone_attempts_call ON clone_attempts(call_id) WHERE call_id IS NOT NULL;
CREATE INDEX clone_attempts_sample ON clone_attempts(id) WHERE sample = 1;

CREATE TABLE code_files(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  clone_attempt_id INTEGER NOT NULL REFERENCES clone_attempts ON DELETE CASCADE,
  file_path TEXT NOT NULL, -- relative, with slashes; analytics/file_path.h says what is refused
  file_type TEXT NOT NULL, -- html, css, javascript, jsx, typescript, tsx, json, markdown, svg, ..., other
  lines_of_code INTEGER NOT NULL, -- that are not blank
  size_bytes INTEGER NOT NULL,
  quality_score REAL CHECK(quality_score BETWEEN 0 AND 100), -- NULL: not judged
  quality TEXT, -- JSON: the parts of the score
  metadata TEXT, -- JSON
  content TEXT NOT NULL,
  UNIQUE(clone_attempt_id, file_path)
) STRICT;

-- What a model reached, over all sites or over those of one complexity.
CREATE TABLE model_benchmarks(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  provider TEXT NOT NULL,
  model_name TEXT NOT NULL,
  model_size TEXT, -- "7b", as the name says it
  website_complexity TEXT CHECK(website_complexity IN ('simple', 'medium', 'complex')), -- NULL: all
  attempts INTEGER, -- it was computed from so many; NULL: reported
  calls INTEGER,
  avg_generation_time_ms REAL,
  avg_code_size_bytes REAL,
  success_rate REAL CHECK(success_rate BETWEEN 0 AND 100),
  avg_code_quality_score REAL CHECK(avg_code_quality_score BETWEEN 0 AND 100),
  avg_user_satisfaction REAL CHECK(avg_user_satisfaction BETWEEN 0 AND 100),
  tokens_per_second REAL,
  hardware_specs TEXT, -- JSON
  benchmark_date TEXT NOT NULL, -- RFC 3339, UTC, milliseconds
  notes TEXT,
  sample INTEGER NOT NULL DEFAULT 0 CHECK(sample IN (0, 1)),
  model TEXT GENERATED ALWAYS AS (model_name) VIRTUAL
) STRICT;

CREATE INDEX model_benchmarks_model ON model_benchmarks(model_name);
CREATE INDEX model_benchmarks_sample ON model_benchmarks(id) WHERE sample = 1;

-- -- what attempts add up to: kept by triggers, so that no way of writing or deleting forgets it --------------

CREATE TABLE clone_counts(
  provider TEXT NOT NULL,
  model_name TEXT NOT NULL,
  month TEXT NOT NULL, -- "2024-01", UTC
  attempts INTEGER NOT NULL,
  successes INTEGER NOT NULL,
  timed INTEGER NOT NULL, -- attempts whose time is known
  time_ms INTEGER NOT NULL,
  sized INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  judged INTEGER NOT NULL,
  quality_cents INTEGER NOT NULL, -- hundredths of a point: sums of whole numbers come back exactly
  samples INTEGER NOT NULL,
  PRIMARY KEY(provider, model_name, month)
) STRICT, WITHOUT ROWID;

CREATE TABLE website_counts(
  website_id INTEGER PRIMARY KEY,
  attempts INTEGER NOT NULL,
  successes INTEGER NOT NULL,
  timed INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  sized INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  judged INTEGER NOT NULL,
  quality_cents INTEGER NOT NULL,
  samples INTEGER NOT NULL
) STRICT;

-- By how many words a site has: what is simple or complex is a setting.
CREATE TABLE word_counts(
  words INTEGER PRIMARY KEY, -- -1: unknown
  sites INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  successes INTEGER NOT NULL,
  timed INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  sized INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  judged INTEGER NOT NULL,
  quality_cents INTEGER NOT NULL,
  samples INTEGER NOT NULL
) STRICT;

-- The newest change of every site, attempt (its files with it) and benchmark, deletions too: who reads on from
-- the last `changed` it saw misses nothing.
CREATE TABLE clone_changes(
  changed INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK(kind IN ('website', 'attempt', 'benchmark')),
  id INTEGER NOT NULL,
  deleted INTEGER NOT NULL CHECK(deleted IN (0, 1)),
  UNIQUE(kind, id)
) STRICT;

-- No REPLACE in triggers: the conflict clause of the statement that fires them would take its place.

-- Whatever is inserted here is added to the counts; with sign -1 it is taken off.
CREATE VIEW clone_tally AS
SELECT 1 AS sign, website_id, provider, model_name, created_at, status, generation_time_ms, code_size_bytes,
  quality_score, sample
FROM clone_attempts;

CREATE TRIGGER clone_tally_add INSTEAD OF INSERT ON clone_tally BEGIN
  INSERT INTO clone_counts VALUES (
    NEW.provider, NEW.model_name, substr(NEW.created_at, 1, 7), NEW.sign, NEW.sign * (NEW.status = 'success'),
    NEW.sign * (NEW.generation_time_ms IS NOT NULL), NEW.sign * coalesce(NEW.generation_time_ms, 0),
    NEW.sign * (NEW.code_size_bytes IS NOT NULL), NEW.sign * coalesce(NEW.code_size_bytes, 0),
    NEW.sign * (NEW.quality_score IS NOT NULL),
    NEW.sign * CAST(round(coalesce(NEW.quality_score, 0) * 100) AS INTEGER), NEW.sign * NEW.sample)
  ON CONFLICT DO UPDATE SET
    attempts = attempts + excluded.attempts, successes = successes + excluded.successes,
    timed = timed + excluded.timed, time_ms = time_ms + excluded.time_ms,
    sized = sized + excluded.sized, size_bytes = size_bytes + excluded.size_bytes,
    judged = judged + excluded.judged, quality_cents = quality_cents + excluded.quality_cents,
    samples = samples + excluded.samples;
  DELETE FROM clone_counts WHERE provider = NEW.provider AND model_name = NEW.model_name
    AND month = substr(NEW.created_at, 1, 7) AND attempts = 0;

  INSERT INTO website_counts VALUES (
    NEW.website_id, NEW.sign, NEW.sign * (NEW.status = 'success'),
    NEW.sign * (NEW.generation_time_ms IS NOT NULL), NEW.sign * coalesce(NEW.generation_time_ms, 0),
    NEW.sign * (NEW.code_size_bytes IS NOT NULL), NEW.sign * coalesce(NEW.code_size_bytes, 0),
    NEW.sign * (NEW.quality_score IS NOT NULL),
    NEW.sign * CAST(round(coalesce(NEW.quality_score, 0) * 100) AS INTEGER), NEW.sign * NEW.sample)
  ON CONFLICT DO UPDATE SET
    attempts = attempts + excluded.attempts, successes = successes + excluded.successes,
    timed = timed + excluded.timed, time_ms = time_ms + excluded.time_ms,
    sized = sized + excluded.sized, size_bytes = size_bytes + excluded.size_bytes,
    judged = judged + excluded.judged, quality_cents = quality_cents + excluded.quality_cents,
    samples = samples + excluded.samples;
  DELETE FROM website_counts WHERE website_id = NEW.website_id AND attempts = 0;

  UPDATE word_counts SET
    attempts = attempts + NEW.sign, successes = successes + NEW.sign * (NEW.status = 'success'),
    timed = timed + NEW.sign * (NEW.generation_time_ms IS NOT NULL),
    time_ms = time_ms + NEW.sign * coalesce(NEW.generation_time_ms, 0),
    sized = sized + NEW.sign * (NEW.code_size_bytes IS NOT NULL),
    size_bytes = size_bytes + NEW.sign * coalesce(NEW.code_size_bytes, 0),
    judged = judged + NEW.sign * (NEW.quality_score IS NOT NULL),
    quality_cents = quality_cents + NEW.sign * CAST(round(coalesce(NEW.quality_score, 0) * 100) AS INTEGER),
    samples = samples + NEW.sign * NEW.sample
  WHERE words = coalesce((SELECT word_count FROM websites WHERE id = NEW.website_id), -1);
END;

CREATE TRIGGER clone_attempts_added AFTER INSERT ON clone_attempts BEGIN
  INSERT INTO clone_tally SELECT 1, NEW.website_id, NEW.provider, NEW.model_name, NEW.created_at, NEW.status,
    NEW.generation_time_ms, NEW.code_size_bytes, NEW.quality_score, NEW.sample;
  DELETE FROM clone_changes WHERE kind = 'attempt' AND id = NEW.id;
  INSERT INTO clone_changes(kind, id, deleted) VALUES ('attempt', NEW.id, 0);
END;

CREATE TRIGGER clone_attempts_changed AFTER UPDATE ON clone_attempts BEGIN
  INSERT INTO clone_tally SELECT -1, OLD.website_id, OLD.provider, OLD.model_name, OLD.created_at, OLD.status,
    OLD.generation_time_ms, OLD.code_size_bytes, OLD.quality_score, OLD.sample;
  INSERT INTO clone_tally SELECT 1, NEW.website_id, NEW.provider, NEW.model_name, NEW.created_at, NEW.status,
    NEW.generation_time_ms, NEW.code_size_bytes, NEW.quality_score, NEW.sample;
  DELETE FROM clone_changes WHERE kind = 'attempt' AND id = NEW.id;
  INSERT INTO clone_changes(kind, id, deleted) VALUES ('attempt', NEW.id, 0);
END;

CREATE TRIGGER clone_attempts_gone AFTER DELETE ON clone_attempts BEGIN
  INSERT INTO clone_tally SELECT -1, OLD.website_id, OLD.provider, OLD.model_name, OLD.created_at, OLD.status,
    OLD.generation_time_ms, OLD.code_size_bytes, OLD.quality_score, OLD.sample;
  DELETE FROM clone_changes WHERE kind = 'attempt' AND id = OLD.id;
  INSERT INTO clone_changes(kind, id, deleted) VALUES ('attempt', OLD.id, 1);
END;

-- A cell of words stays as long as there are sites in it; a site with attempts cannot be deleted.
CREATE TRIGGER websites_added AFTER INSERT ON websites BEGIN
  INSERT INTO word_counts VALUES (coalesce(NEW.word_count, -1), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
  ON CONFLICT DO UPDATE SET sites = sites + 1;
  DELETE FROM clone_changes WHERE kind = 'website' AND id = NEW.id;
  INSERT INTO clone_changes(kind, id, deleted) VALUES ('website', NEW.id, 0);
END;

CREATE TRIGGER websites_moved AFTER UPDATE ON websites WHEN OLD.word_count IS NOT NEW.word_count BEGIN
  INSERT INTO word_counts
  SELECT coalesce(NEW.word_count, -1), 1, coalesce(attempts, 0), coalesce(successes, 0), coalesce(timed, 0),
    coalesce(time_ms, 0), coalesce(sized, 0), coalesce(size_bytes, 0), coalesce(judged, 0),
    coalesce(quality_cents, 0), coalesce(samples, 0)
  FROM (SELECT NEW.id AS website_id) LEFT JOIN website_counts USING(website_id) WHERE true
  ON CONFLICT DO UPDATE SET
    sites = sites + 1, attempts = attempts + excluded.attempts, successes = successes + excluded.successes,
    timed = timed + excluded.timed, time_ms = time_ms + excluded.time_ms,
    sized = sized + excluded.sized, size_bytes = size_bytes + excluded.size_bytes,
    judged = judged + excluded.judged, quality_cents = quality_cents + excluded.quality_cents,
    samples = samples + excluded.samples;
  UPDATE word_counts SET
    attempts = word_counts.attempts - c.attempts, successes = word_counts.successes - c.successes,
    timed = word_counts.timed - c.timed, time_ms = word_counts.time_ms - c.time_ms,
    sized = word_counts.sized - c.sized, size_bytes = word_counts.size_bytes - c.size_bytes,
    judged = word_counts.judged - c.judged, quality_cents = word_counts.quality_cents - c.quality_cents,
    samples = word_counts.samples - c.samples
  FROM website_counts c WHERE c.website_id = NEW.id AND words = coalesce(OLD.word_count, -1);
  UPDATE word_counts SET sites = sites - 1 WHERE words = coalesce(OLD.word_count, -1);
  DELETE FROM word_counts WHERE words = coalesce(OLD.word_count, -1) AND sites = 0;
END;

CREATE TRIGGER websites_changed AFTER UPDATE ON websites BEGIN
  DELETE FROM clone_changes WHERE kind = 'website' AND id = NEW.id;
  INSERT INTO clone_changes(kind, id, deleted) VALUES ('website', NEW.id, 0);
END;

CREATE TRIGGER websites_gone AFTER DELETE ON websites BEGIN
  UPDATE word_counts SET sites = sites - 1 WHERE words = coalesce(OLD.word_count, -1);
  DELETE FROM word_counts WHERE words = coalesce(OLD.word_count, -1) AND sites = 0;
  DELETE FROM clone_changes WHERE kind = 'website' AND id = OLD.id;
  INSERT INTO clone_changes(kind, id, deleted) VALUES ('website', OLD.id, 1);
END;

CREATE TRIGGER model_benchmarks_added AFTER INSERT ON model_benchmarks BEGIN
  DELETE FROM clone_changes WHERE kind = 'benchmark' AND id = NEW.id;
  INSERT INTO clone_changes(kind, id, deleted) VALUES ('benchmark', NEW.id, 0);
END;

CREATE TRIGGER model_benchmarks_changed AFTER UPDATE ON model_benchmarks BEGIN
  DELETE FROM clone_changes WHERE kind = 'benchmark' AND id = NEW.id;
  INSERT INTO clone_changes(kind, id, deleted) VALUES ('benchmark', NEW.id, 0);
END;

CREATE TRIGGER model_benchmarks_gone AFTER DELETE ON model_benchmarks BEGIN
  DELETE FROM clone_changes WHERE kind = 'benchmark' AND id = OLD.id;
  INSERT INTO clone_changes(kind, id, deleted) VALUES ('benchmark', OLD.id, 1);
END;

-- -- for people ------------------------------------------------------------------------------------------------

CREATE VIEW model_performance_summary AS
SELECT provider, model_name,
  sum(attempts) AS total_attempts,
  1.0 * sum(time_ms) / nullif(sum(timed), 0) AS avg_generation_time,
  100.0 * sum(successes) / sum(attempts) AS success_rate,
  1.0 * sum(size_bytes) / nullif(sum(sized), 0) AS avg_code_size
FROM clone_counts
GROUP BY provider, model_name
ORDER BY avg_generation_time;

CREATE VIEW website_complexity_analysis AS
SELECT w.domain, w.title, w.word_count,
  coalesce(c.attempts, 0) AS clone_attempts,
  1.0 * c.time_ms / nullif(c.timed, 0) AS avg_generation_time
FROM websites w LEFT JOIN website_counts c ON c.website_id = w.id
ORDER BY w.word_count DESC;
