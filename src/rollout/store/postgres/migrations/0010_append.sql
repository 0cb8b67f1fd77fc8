-- An append says what changes with every batch as plain values, and the rest of the listing's row only when it changes:
-- to read two rows from JSON took a tenth of it. The file's row is found and changed in one statement.

DROP FUNCTION rollout.append(text, uuid, bigint, bigint, jsonb, jsonb, bigint[], text[], text[], bytea[]);

CREATE FUNCTION rollout.append(
    p_tenant text, p_thread uuid, p_segment bigint, p_from bigint,
    p_to bigint, p_complete bigint, p_era text, p_ordinal numeric, p_unnumbered bigint, p_base text, p_base_id text, p_modified_ns bigint,
    p_active_ms bigint, p_tokens bigint, p_summary text, p_row jsonb,
    p_ats bigint[], p_times text[], p_types text[], p_bytes bytea[]
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE known bigint; has bigint; added bigint := cardinality(p_bytes); thread rollout.threads; heard text;
BEGIN
    UPDATE rollout.segments SET lines = lines + added, bytes = p_to, complete = p_complete, era = p_era, ordinal = p_ordinal,
        unnumbered = p_unnumbered, base = p_base, base_id = p_base_id, modified_ns = p_modified_ns, compressed = false
    WHERE tenant = p_tenant AND thread_id = p_thread AND segment = p_segment AND trash IS NULL AND bytes = p_from
    RETURNING lines - added INTO known;
    IF NOT FOUND THEN
        SELECT bytes INTO has FROM rollout.segments
        WHERE tenant = p_tenant AND thread_id = p_thread AND segment = p_segment AND trash IS NULL;
        IF has = p_to THEN
            RETURN false;  -- it came the first time, and only its acknowledgement was lost
        END IF;
        RAISE EXCEPTION 'the thread has % bytes, not %', has, p_from USING ERRCODE = 'RO002';
    END IF;
    IF p_ats[1] > p_from THEN  -- a tail that lacks its newline is fenced, never cut
        UPDATE rollout.lines SET bytes = bytes || '\x0a'::bytea
        WHERE thread_id = p_thread AND segment = p_segment AND n = known - 1;
    END IF;
    INSERT INTO rollout.lines (tenant, thread_id, segment, n, at, timestamp, type, bytes)
    SELECT p_tenant, p_thread, p_segment, known + one.n - 1, one.at, one.told, one.kind, one.bytes
    FROM unnest(p_ats, p_times, p_types, p_bytes) WITH ORDINALITY AS one (at, told, kind, bytes, n);
    IF p_row IS NULL THEN
        UPDATE rollout.threads SET size = size + p_to - p_from, modified_ms = p_modified_ns / 1000000, active_ms = p_active_ms,
            tokens = p_tokens, summary = p_summary
        WHERE tenant = p_tenant AND thread_id = p_thread;
    ELSE
        thread := jsonb_populate_record(NULL::rollout.threads, p_row);
        UPDATE rollout.threads t SET size = t.size + p_to - p_from, modified_ms = p_modified_ns / 1000000, active_ms = p_active_ms,
            tokens = p_tokens, summary = p_summary, created_ms = thread.created_ms, state = thread.state,
            source = thread.source, provider = thread.provider, cwd = thread.cwd, branch = thread.branch,
            parent = thread.parent, forked_from = thread.forked_from,
            title = CASE WHEN t.name IS NULL THEN thread.title ELSE t.title END,
            texts = CASE WHEN t.name IS NULL THEN thread.texts ELSE t.texts END
        WHERE t.tenant = p_tenant AND t.thread_id = p_thread;
    END IF;
    SELECT f.channel INTO heard FROM rollout.followers f
    WHERE f.tenant = p_tenant AND f.thread_id = p_thread AND f.until > clock_timestamp();
    IF FOUND THEN
        PERFORM pg_notify(heard, '');
    END IF;
    RETURN true;
END $$;
