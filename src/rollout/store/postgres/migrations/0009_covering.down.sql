DROP INDEX rollout.threads_by_active;
CREATE INDEX threads_by_active ON rollout.threads (tenant, active_ms, thread_id);
