-- What 0002 and 0004 had.
DROP FUNCTION rollout.keep(text, uuid, text, bigint, float8, boolean);

CREATE OR REPLACE FUNCTION rollout.take(p_tenant text, p_thread uuid, p_holder text, p_seconds float8, p_patience_ms integer,
                             p_pid integer, p_program text, p_host text, p_started text)
RETURNS TABLE (epoch bigint, pid integer, program text, host text, started text)
LANGUAGE plpgsql SET lock_timeout = '50ms' AS $$
#variable_conflict use_column
DECLARE taken bigint;
BEGIN  -- the epoch of a lease that was taken, else who has it; whoever is just writing has its row locked
    PERFORM set_config('lock_timeout', p_patience_ms::text, true);
    BEGIN
        INSERT INTO rollout.leases AS l (tenant, thread_id, epoch, holder, expires_at, pid, program, host, started)
        VALUES (p_tenant, p_thread, 1, p_holder, clock_timestamp() + make_interval(secs => p_seconds),
                p_pid, p_program, p_host, p_started)
        ON CONFLICT (tenant, thread_id) DO UPDATE SET epoch = l.epoch + 1, holder = excluded.holder,
            expires_at = excluded.expires_at, pid = excluded.pid, program = excluded.program, host = excluded.host,
            started = excluded.started
        WHERE l.holder IS NULL OR l.holder = excluded.holder OR l.expires_at < clock_timestamp()
        RETURNING l.epoch INTO taken;
    EXCEPTION WHEN lock_not_available THEN
        taken := NULL;
    END;
    RETURN QUERY SELECT taken, l.pid, l.program, l.host, l.started FROM rollout.leases l
    WHERE l.tenant = p_tenant AND l.thread_id = p_thread AND (taken IS NOT NULL OR l.holder IS NOT NULL);
END $$;

CREATE OR REPLACE FUNCTION rollout.hold(p_tenant text, p_thread uuid, p_holder text, p_epoch bigint, p_seconds float8)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE until timestamptz;
BEGIN  -- the row stays locked until the transaction ends: nobody takes over between this and the write
    SELECT expires_at INTO until FROM rollout.leases
    WHERE tenant = p_tenant AND thread_id = p_thread AND holder = p_holder AND epoch = p_epoch FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the lease was lost' USING ERRCODE = 'RO001';
    ELSIF until < clock_timestamp() + make_interval(secs => p_seconds * 0.8) THEN
        UPDATE rollout.leases SET expires_at = clock_timestamp() + make_interval(secs => p_seconds)
        WHERE tenant = p_tenant AND thread_id = p_thread;
    END IF;
END $$;
