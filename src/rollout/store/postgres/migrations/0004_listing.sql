-- Listings whose time does not grow with the number of threads: numbers of threads by kind are kept, and each filter
-- that may leave few threads has an index. Cheaper appends: lz4, and a lease that is written only when it grows old.

CREATE TABLE rollout.kinds (  -- changes of how many threads there are of a kind; nobody waits for anybody to add one
    tenant text COLLATE "C" NOT NULL,
    thread_id uuid NOT NULL,
    change bigint NOT NULL DEFAULT nextval('rollout.segment_numbers'),
    archived boolean NOT NULL,
    state text NOT NULL,
    source text COLLATE "C" NOT NULL,
    provider text COLLATE "C" NOT NULL,
    threads bigint NOT NULL,
    PRIMARY KEY (tenant, thread_id, change)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

ALTER TABLE rollout.threads NO FORCE ROW LEVEL SECURITY;  -- an owner that is no superuser has to see every tenant's
INSERT INTO rollout.kinds (tenant, thread_id, archived, state, source, provider, threads)
SELECT tenant, (array_agg(thread_id))[1], archived, state, source, provider, count(*) FROM rollout.threads
GROUP BY tenant, archived, state, source, provider;
ALTER TABLE rollout.threads FORCE ROW LEVEL SECURITY;

ALTER TABLE rollout.kinds ENABLE ROW LEVEL SECURITY;
ALTER TABLE rollout.kinds FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON rollout.kinds USING (tenant = (SELECT rollout.tenant()));

CREATE FUNCTION rollout.sum_kinds(p_tenant text) RETURNS void LANGUAGE sql AS $$
    WITH known AS (  -- whoever sums at the same time takes other rows
        SELECT tenant, thread_id, change FROM rollout.kinds WHERE tenant = p_tenant FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM rollout.kinds k USING known WHERE k.tenant = known.tenant AND k.thread_id = known.thread_id
            AND k.change = known.change RETURNING k.*
    )
    INSERT INTO rollout.kinds (tenant, thread_id, archived, state, source, provider, threads)
    SELECT tenant, (array_agg(thread_id))[1], archived, state, source, provider, sum(threads) FROM gone
    GROUP BY tenant, archived, state, source, provider HAVING sum(threads) <> 0
$$;

CREATE FUNCTION rollout.count_kind() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO rollout.kinds (tenant, thread_id, archived, state, source, provider, threads)
        VALUES (OLD.tenant, OLD.thread_id, OLD.archived, OLD.state, OLD.source, OLD.provider, -1);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO rollout.kinds (tenant, thread_id, archived, state, source, provider, threads)
        VALUES (NEW.tenant, NEW.thread_id, NEW.archived, NEW.state, NEW.source, NEW.provider, 1);
    END IF;
    IF random() < 0.02 THEN
        PERFORM rollout.sum_kinds(coalesce(NEW.tenant, OLD.tenant));
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER count_kind AFTER INSERT OR DELETE ON rollout.threads
FOR EACH ROW EXECUTE FUNCTION rollout.count_kind();
CREATE TRIGGER count_changed_kind AFTER UPDATE OF archived, state, source, provider ON rollout.threads
FOR EACH ROW WHEN ((OLD.archived, OLD.state, OLD.source, OLD.provider) IS DISTINCT FROM
                   (NEW.archived, NEW.state, NEW.source, NEW.provider))
EXECUTE FUNCTION rollout.count_kind();

CREATE INDEX threads_by_cwd ON rollout.threads (tenant, cwd, active_ms, thread_id);
CREATE INDEX threads_by_branch ON rollout.threads (tenant, branch, active_ms, thread_id);
CREATE INDEX threads_by_source ON rollout.threads (tenant, source, active_ms, thread_id);
CREATE INDEX threads_by_parent ON rollout.threads (tenant, parent, active_ms, thread_id) WHERE parent IS NOT NULL;
CREATE INDEX threads_by_fork ON rollout.threads (tenant, forked_from, active_ms, thread_id) WHERE forked_from IS NOT NULL;
-- Row-level security lets no index answer "contains": few threads have tags, and those are looked through.
CREATE INDEX threads_with_tags ON rollout.threads (tenant, active_ms, thread_id) WHERE tags <> '{}';
DROP INDEX rollout.threads_by_tag;
DROP INDEX rollout.threads_by_text_id;  -- an id that begins so is a range of ids

DO $$ BEGIN
    ALTER TABLE rollout.lines ALTER bytes SET COMPRESSION lz4;
    FOR part IN 0..15 LOOP
        EXECUTE format('ALTER TABLE rollout.lines_%s ALTER bytes SET COMPRESSION lz4', part);
    END LOOP;
EXCEPTION WHEN feature_not_supported THEN
    NULL;  -- this server was built without lz4
END $$;

CREATE OR REPLACE FUNCTION rollout.tenant() RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
DECLARE bound text;
BEGIN  -- every statement asks once; here its plan is kept
    SELECT r.tenant INTO bound FROM rollout.tenant_roles r WHERE r.role = session_user;
    RETURN coalesce(bound, current_setting('rollout.tenant', true));
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
