-- What 0008 had.
DROP FUNCTION rollout.append(
    text, uuid, bigint, bigint, bigint, bigint, text, numeric, bigint, text, text, bigint, bigint, bigint, text, jsonb,
    bigint[], text[], text[], bytea[]);

CREATE FUNCTION rollout.append(p_tenant text, p_thread uuid, p_segment bigint, p_from bigint, p_facts jsonb, p_row jsonb,
                               p_ats bigint[], p_times text[], p_types text[], p_bytes bytea[]) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE has bigint; known bigint; facts rollout.segments; thread rollout.threads; heard text;
BEGIN
    facts := jsonb_populate_record(NULL::rollout.segments, p_facts);
    SELECT bytes, lines INTO has, known FROM rollout.segments
    WHERE tenant = p_tenant AND thread_id = p_thread AND segment = p_segment AND trash IS NULL;
    IF has = facts.bytes THEN
        RETURN false;  -- it came the first time, and only its acknowledgement was lost
    ELSIF has IS DISTINCT FROM p_from THEN
        RAISE EXCEPTION 'the thread has % bytes, not %', has, p_from USING ERRCODE = 'RO002';
    END IF;
    IF p_ats[1] > p_from THEN  -- a tail that lacks its newline is fenced, never cut
        UPDATE rollout.lines SET bytes = bytes || '\x0a'::bytea
        WHERE thread_id = p_thread AND segment = p_segment AND n = known - 1;
    END IF;
    INSERT INTO rollout.lines (tenant, thread_id, segment, n, at, timestamp, type, bytes)
    SELECT p_tenant, p_thread, p_segment, known + one.n - 1, one.at, one.told, one.kind, one.bytes
    FROM unnest(p_ats, p_times, p_types, p_bytes) WITH ORDINALITY AS one (at, told, kind, bytes, n);
    UPDATE rollout.segments SET lines = facts.lines, bytes = facts.bytes, complete = facts.complete, era = facts.era,
        ordinal = facts.ordinal, unnumbered = facts.unnumbered, base = facts.base, base_id = facts.base_id,
        modified_ns = facts.modified_ns, compressed = false
    WHERE tenant = p_tenant AND thread_id = p_thread AND segment = p_segment;
    thread := jsonb_populate_record(NULL::rollout.threads, p_row);
    UPDATE rollout.threads t SET size = t.size + facts.bytes - p_from, created_ms = thread.created_ms,
        modified_ms = thread.modified_ms, active_ms = thread.active_ms, tokens = thread.tokens, state = thread.state,
        source = thread.source, provider = thread.provider, cwd = thread.cwd, branch = thread.branch,
        parent = thread.parent, forked_from = thread.forked_from, summary = thread.summary,
        title = CASE WHEN t.name IS NULL THEN thread.title ELSE t.title END,
        texts = CASE WHEN t.name IS NULL THEN thread.texts ELSE t.texts END
    WHERE t.tenant = p_tenant AND t.thread_id = p_thread;
    SELECT f.channel INTO heard FROM rollout.followers f
    WHERE f.tenant = p_tenant AND f.thread_id = p_thread AND f.until > clock_timestamp();
    IF FOUND THEN
        PERFORM pg_notify(heard, '');
    END IF;
    RETURN true;
END $$;
