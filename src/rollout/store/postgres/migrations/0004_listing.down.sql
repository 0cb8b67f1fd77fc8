-- What 0001 had. Lines that were compressed with lz4 stay readable.
CREATE OR REPLACE FUNCTION rollout.hold(p_tenant text, p_thread uuid, p_holder text, p_epoch bigint, p_seconds float8)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN  -- the row stays locked until the transaction ends: nobody takes over between this and the write
    UPDATE rollout.leases SET expires_at = clock_timestamp() + make_interval(secs => p_seconds)
    WHERE tenant = p_tenant AND thread_id = p_thread AND holder = p_holder AND epoch = p_epoch;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the lease was lost' USING ERRCODE = 'RO001';
    END IF;
END $$;
DO $$ BEGIN
    ALTER TABLE rollout.lines ALTER bytes SET COMPRESSION default;
    FOR part IN 0..15 LOOP
        EXECUTE format('ALTER TABLE rollout.lines_%s ALTER bytes SET COMPRESSION default', part);
    END LOOP;
END $$;
CREATE INDEX threads_by_tag ON rollout.threads USING gin (tags) WHERE tags <> '{}';
DROP INDEX rollout.threads_with_tags, rollout.threads_by_cwd, rollout.threads_by_branch, rollout.threads_by_source, rollout.threads_by_parent,
    rollout.threads_by_fork;
CREATE INDEX threads_by_text_id ON rollout.threads (tenant, (thread_id::text) text_pattern_ops);
DROP TRIGGER count_kind ON rollout.threads;
DROP TRIGGER count_changed_kind ON rollout.threads;
DROP FUNCTION rollout.count_kind(), rollout.sum_kinds(text);
DROP TABLE rollout.kinds;
CREATE OR REPLACE FUNCTION rollout.tenant() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT coalesce((SELECT tenant FROM rollout.tenant_roles WHERE role = session_user),
                    current_setting('rollout.tenant', true))
$$;
