-- The address of the repository that a thread began in, as JSON, as it stands in the summary.

ALTER TABLE rollout.threads ADD COLUMN origin text COLLATE "C"
    GENERATED ALWAYS AS (substring(summary FROM '"repository_url": ?("(?:[^"\\]|\\.)*")')) STORED;
CREATE INDEX threads_by_origin ON rollout.threads (tenant, origin, active_ms, thread_id) WHERE origin IS NOT NULL;
