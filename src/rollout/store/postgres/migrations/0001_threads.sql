-- Threads, their files and their lines; who writes; what was removed. Every key bears thread_id, by which lines are
-- partitioned here and by which a cluster may distribute all of it.

CREATE TABLE rollout.tenant_roles (role name PRIMARY KEY, tenant text COLLATE "C" NOT NULL);

CREATE FUNCTION rollout.tenant() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT coalesce((SELECT tenant FROM rollout.tenant_roles WHERE role = session_user),
                    current_setting('rollout.tenant', true))
$$;

CREATE SEQUENCE rollout.segment_numbers;

CREATE TABLE rollout.segments (
    tenant text COLLATE "C" NOT NULL,
    thread_id uuid NOT NULL,
    segment bigint NOT NULL DEFAULT nextval('rollout.segment_numbers'),
    rollout_id uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    named_ms bigint NOT NULL,
    modified_ns bigint NOT NULL,
    mode integer NOT NULL,
    archived boolean NOT NULL,
    compressed boolean NOT NULL DEFAULT false,
    lines bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    complete bigint NOT NULL DEFAULT 0,   -- the offset behind the last newline
    indexed bigint NOT NULL DEFAULT 0,    -- so many lines are in rollout.words
    era text NOT NULL DEFAULT '',
    ordinal numeric,                      -- the largest one
    unnumbered bigint NOT NULL DEFAULT 0, -- lines without an ordinal since the last one with it
    base text,                            -- history_base, as JSON
    base_id text COLLATE "C",
    made_by text NOT NULL DEFAULT '',
    trash text,
    PRIMARY KEY (tenant, thread_id, segment)
);
CREATE UNIQUE INDEX segments_by_name ON rollout.segments (tenant, thread_id, name) WHERE trash IS NULL;
CREATE INDEX segments_by_rollout ON rollout.segments (tenant, rollout_id) WHERE trash IS NULL;
CREATE INDEX segments_by_base ON rollout.segments (tenant, base_id) WHERE base_id IS NOT NULL AND trash IS NULL;
CREATE INDEX segments_in_trash ON rollout.segments (tenant, trash) WHERE trash IS NOT NULL;
CREATE INDEX segments_to_index ON rollout.segments (tenant) WHERE indexed < lines AND trash IS NULL;

CREATE TABLE rollout.lines (
    tenant text COLLATE "C" NOT NULL,
    thread_id uuid NOT NULL,
    segment bigint NOT NULL,
    n bigint NOT NULL,
    at bigint NOT NULL,
    timestamp text,
    type text,                            -- NULL: damage, or a blank line
    bytes bytea NOT NULL,
    PRIMARY KEY (thread_id, segment, n)
) PARTITION BY HASH (thread_id);

DO $$ BEGIN
    FOR part IN 0..15 LOOP
        EXECUTE format('CREATE TABLE rollout.lines_%s PARTITION OF rollout.lines FOR VALUES WITH (MODULUS 16, REMAINDER %s)',
                       part, part);
    END LOOP;
END $$;

CREATE TABLE rollout.threads (
    tenant text COLLATE "C" NOT NULL,
    thread_id uuid NOT NULL,
    path text NOT NULL DEFAULT '',
    segments integer NOT NULL DEFAULT 0,
    archived boolean NOT NULL DEFAULT false,
    size bigint NOT NULL DEFAULT 0,
    named_ms bigint NOT NULL DEFAULT 0,
    created_ms bigint NOT NULL DEFAULT 0,
    modified_ms bigint NOT NULL DEFAULT 0,
    active_ms bigint NOT NULL DEFAULT 0,
    tokens bigint NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT 'unreadable',
    source text COLLATE "C" NOT NULL DEFAULT '',
    provider text COLLATE "C" NOT NULL DEFAULT '',
    cwd text COLLATE "C",
    branch text COLLATE "C",
    parent text COLLATE "C",
    forked_from text COLLATE "C",
    name text COLLATE "C",                -- as JSON
    title text COLLATE "C" NOT NULL DEFAULT '',
    texts text COLLATE "C" NOT NULL DEFAULT '',
    summary text NOT NULL DEFAULT '{}',   -- as JSON; no jsonb, which has no NUL
    PRIMARY KEY (tenant, thread_id)
) WITH (fillfactor = 80);
CREATE INDEX threads_by_active ON rollout.threads (tenant, active_ms, thread_id);
CREATE INDEX threads_by_created ON rollout.threads (tenant, named_ms, thread_id);
CREATE INDEX threads_by_updated ON rollout.threads (tenant, modified_ms, thread_id);
CREATE INDEX threads_by_title ON rollout.threads (tenant, title, thread_id);
CREATE INDEX threads_by_size ON rollout.threads (tenant, size, thread_id);
CREATE INDEX threads_by_tokens ON rollout.threads (tenant, tokens, thread_id);
CREATE INDEX threads_by_name ON rollout.threads (tenant, name) WHERE name IS NOT NULL;
CREATE INDEX threads_by_text_id ON rollout.threads (tenant, (thread_id::text) text_pattern_ops);

CREATE TABLE rollout.leases (
    tenant text COLLATE "C" NOT NULL,
    thread_id uuid NOT NULL,
    epoch bigint NOT NULL,
    holder text,
    expires_at timestamptz NOT NULL,
    pid integer NOT NULL,
    program text NOT NULL,
    host text NOT NULL,
    started text NOT NULL,
    PRIMARY KEY (tenant, thread_id)
) WITH (fillfactor = 50);

CREATE TABLE rollout.trash (
    tenant text COLLATE "C" NOT NULL,
    token text NOT NULL,
    thread_id uuid NOT NULL,
    name text,
    removed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, token)
);

CREATE TABLE rollout.followers (
    tenant text COLLATE "C" NOT NULL,
    thread_id uuid NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (tenant, thread_id)
);

CREATE TABLE rollout.words (
    tenant text COLLATE "C" NOT NULL,
    thread_id uuid NOT NULL,
    segment bigint NOT NULL,
    n bigint NOT NULL,
    words tsvector,                       -- NULL: too many to tell, the line may hold anything
    PRIMARY KEY (thread_id, segment, n)
);
CREATE INDEX words_by_word ON rollout.words USING gin (words);
CREATE INDEX words_untold ON rollout.words (tenant) WHERE words IS NULL;

DO $$ DECLARE one text; BEGIN
    FOREACH one IN ARRAY ARRAY['segments', 'lines', 'threads', 'leases', 'trash', 'followers', 'words'] LOOP
        EXECUTE format('ALTER TABLE rollout.%I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('ALTER TABLE rollout.%I FORCE ROW LEVEL SECURITY', one);
        EXECUTE format('CREATE POLICY of_tenant ON rollout.%I USING (tenant = (SELECT rollout.tenant()))', one);
    END LOOP;
    FOR part IN 0..15 LOOP  -- a partition that is named directly must not tell more than its parent
        EXECUTE format('ALTER TABLE rollout.lines_%s ENABLE ROW LEVEL SECURITY', part);
        EXECUTE format('ALTER TABLE rollout.lines_%s FORCE ROW LEVEL SECURITY', part);
        EXECUTE format('CREATE POLICY of_tenant ON rollout.lines_%s USING (tenant = (SELECT rollout.tenant()))', part);
    END LOOP;
END $$;

CREATE FUNCTION rollout.number_at(p_thread uuid, p_segment bigint, p_lines bigint, p_at bigint) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE low bigint := 0; high bigint := p_lines; middle bigint; found bigint;
BEGIN  -- how many lines begin before an offset: they are in order, so halving finds it
    WHILE low < high LOOP
        middle := (low + high) / 2;
        SELECT l.at INTO found FROM rollout.lines l WHERE l.thread_id = p_thread AND l.segment = p_segment AND l.n = middle;
        IF found < p_at THEN low := middle + 1; ELSE high := middle; END IF;
    END LOOP;
    RETURN low;
END $$;

CREATE FUNCTION rollout.hold(p_tenant text, p_thread uuid, p_holder text, p_epoch bigint, p_seconds float8) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN  -- the row stays locked until the transaction ends: nobody takes over between this and the write
    UPDATE rollout.leases SET expires_at = clock_timestamp() + make_interval(secs => p_seconds)
    WHERE tenant = p_tenant AND thread_id = p_thread AND holder = p_holder AND epoch = p_epoch;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the lease was lost' USING ERRCODE = 'RO001';
    END IF;
END $$;

CREATE FUNCTION rollout.append(p_tenant text, p_thread uuid, p_segment bigint, p_from bigint, p_facts jsonb, p_row jsonb,
                               p_ats bigint[], p_times text[], p_types text[], p_bytes bytea[]) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE has bigint; known bigint; facts rollout.segments; thread rollout.threads;
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
        modified_ns = facts.modified_ns
    WHERE tenant = p_tenant AND thread_id = p_thread AND segment = p_segment;
    thread := jsonb_populate_record(NULL::rollout.threads, p_row);
    UPDATE rollout.threads t SET size = t.size + facts.bytes - p_from, created_ms = thread.created_ms,
        modified_ms = thread.modified_ms, active_ms = thread.active_ms, tokens = thread.tokens, state = thread.state,
        source = thread.source, provider = thread.provider, cwd = thread.cwd, branch = thread.branch,
        parent = thread.parent, forked_from = thread.forked_from, summary = thread.summary,
        title = CASE WHEN t.name IS NULL THEN thread.title ELSE t.title END,
        texts = CASE WHEN t.name IS NULL THEN thread.texts ELSE t.texts END
    WHERE t.tenant = p_tenant AND t.thread_id = p_thread;
    IF EXISTS (SELECT FROM rollout.followers f
               WHERE f.tenant = p_tenant AND f.thread_id = p_thread AND f.until > clock_timestamp()) THEN
        PERFORM pg_notify('rollout_' || replace(p_thread::text, '-', ''), '');
    END IF;
    RETURN true;
END $$;
