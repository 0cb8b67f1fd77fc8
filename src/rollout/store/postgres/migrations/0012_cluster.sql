-- A cluster that distributes by thread lets no statement that changes rows call a function as changeable as the clock, and
-- locks rows of one thread at a time: so the clock is read before, and leases are kept each by its thread.

CREATE OR REPLACE FUNCTION rollout.take(p_tenant text, p_thread uuid, p_holder text, p_seconds float8, p_patience_ms integer,
                             p_pid integer, p_program text, p_host text, p_started text)
RETURNS TABLE (epoch bigint, pid integer, program text, host text, started text)
LANGUAGE plpgsql SET lock_timeout = '50ms' AS $$
#variable_conflict use_column
DECLARE taken bigint; until timestamptz; began timestamptz := clock_timestamp();
BEGIN  -- the epoch of a lease that was taken, else who has it; whoever is just writing has its row locked
    PERFORM set_config('lock_timeout', p_patience_ms::text, true);
    until := began + make_interval(secs => p_seconds);
    BEGIN
        INSERT INTO rollout.leases AS l (tenant, thread_id, epoch, holder, expires_at, pid, program, host, started)
        VALUES (p_tenant, p_thread, 1, p_holder, until, p_pid, p_program, p_host, p_started)
        ON CONFLICT (tenant, thread_id) DO UPDATE SET epoch = l.epoch + 1, holder = excluded.holder,
            expires_at = excluded.expires_at, pid = excluded.pid, program = excluded.program, host = excluded.host,
            started = excluded.started
        WHERE l.holder IS NULL OR l.holder = excluded.holder OR l.expires_at < began
        RETURNING l.epoch INTO taken;
    EXCEPTION WHEN lock_not_available THEN
        taken := NULL;
    END;
    IF taken IS NOT NULL THEN  -- the time that it waited for the row does not count
        until := clock_timestamp() + make_interval(secs => p_seconds);
        UPDATE rollout.leases SET expires_at = until WHERE tenant = p_tenant AND thread_id = p_thread;
    END IF;
    RETURN QUERY SELECT taken, l.pid, l.program, l.host, l.started FROM rollout.leases l
    WHERE l.tenant = p_tenant AND l.thread_id = p_thread AND (taken IS NOT NULL OR l.holder IS NOT NULL);
END $$;

CREATE OR REPLACE FUNCTION rollout.hold(p_tenant text, p_thread uuid, p_holder text, p_epoch bigint, p_seconds float8)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE until timestamptz; at timestamptz;
BEGIN  -- the row stays locked until the transaction ends: nobody takes over between this and the write
    SELECT expires_at INTO until FROM rollout.leases
    WHERE tenant = p_tenant AND thread_id = p_thread AND holder = p_holder AND epoch = p_epoch FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the lease was lost' USING ERRCODE = 'RO001';
    END IF;
    at := clock_timestamp();
    IF until < at + make_interval(secs => p_seconds * 0.8) THEN
        until := at + make_interval(secs => p_seconds);
        UPDATE rollout.leases SET expires_at = until WHERE tenant = p_tenant AND thread_id = p_thread;
    END IF;
END $$;

CREATE FUNCTION rollout.keep(p_tenant text, p_thread uuid, p_holder text, p_epoch bigint, p_seconds float8, p_waits boolean)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE until timestamptz;
BEGIN  -- whether the lease is still held; its row stays locked until the transaction ends
    IF p_waits THEN
        PERFORM FROM rollout.leases
        WHERE tenant = p_tenant AND thread_id = p_thread AND holder = p_holder AND epoch = p_epoch FOR UPDATE;
    ELSE
        PERFORM FROM rollout.leases
        WHERE tenant = p_tenant AND thread_id = p_thread AND holder = p_holder AND epoch = p_epoch FOR UPDATE SKIP LOCKED;
    END IF;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    until := clock_timestamp() + make_interval(secs => p_seconds);
    UPDATE rollout.leases SET expires_at = until WHERE tenant = p_tenant AND thread_id = p_thread;
    RETURN true;
END $$;
