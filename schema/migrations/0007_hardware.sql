-- Version 7: what the machine and the model servers on it were doing while calls ran.
PRAGMA user_version = 7;

-- One row per sample and local server; every ten seconds while calls run, for 30 days.
CREATE TABLE hardware_sample(
  sampled_ms INTEGER NOT NULL, -- Unix time
  provider TEXT NOT NULL,
  cpu_percent REAL, -- of the server and the processes it started; 100 is one processor
  memory_bytes INTEGER, -- resident, of the same
  host_cpu_percent REAL, -- of all processors
  host_memory_bytes INTEGER, -- in use
  host_memory_total_bytes INTEGER,
  gpu_percent REAL, -- mean over the GPUs
  gpu_memory_bytes INTEGER,
  gpu_memory_total_bytes INTEGER,
  PRIMARY KEY(sampled_ms, provider)
) STRICT, WITHOUT ROWID;

-- The samples of a call's time at the server that answered it.
CREATE VIEW call_hardware AS
SELECT c.id AS call_id, s.provider, s.model, h.sampled_ms,
  h.cpu_percent, h.memory_bytes, h.host_cpu_percent, h.host_memory_bytes, h.host_memory_total_bytes,
  h.gpu_percent, h.gpu_memory_bytes, h.gpu_memory_total_bytes
FROM call c
JOIN series s USING(series_id)
JOIN hardware_sample h ON h.provider = s.provider AND h.sampled_ms >= c.id >> 20
  AND h.sampled_ms <= (c.id >> 20) + c.total_us / 1000;
