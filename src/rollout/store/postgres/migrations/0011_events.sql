-- What happens to threads, for whoever watches a tenant. Each act leaves a row with the number of its transaction, so
-- that a listener asks exactly for what was committed since its last look. Appends touch none of these columns.

CREATE TABLE rollout.events (
    tenant text COLLATE "C" NOT NULL,
    thread_id uuid NOT NULL,
    event bigint NOT NULL DEFAULT nextval('rollout.segment_numbers'),
    what text NOT NULL,
    made_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, thread_id, event)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX events_by_transaction ON rollout.events (tenant, made_by, event);

ALTER TABLE rollout.events ENABLE ROW LEVEL SECURITY;
ALTER TABLE rollout.events FORCE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON rollout.events USING (tenant = (SELECT rollout.tenant()));

-- NOTIFY takes a lock that is held while its commit waits for the disk. So only the first act after a quiet while notifies:
-- whoever watches then looks often, and arms the tenant again when it is quiet. Nobody waits for this row.
ALTER TABLE rollout.followers ADD COLUMN armed boolean NOT NULL DEFAULT true;

CREATE FUNCTION rollout.tell(p_tenant text, p_thread uuid, p_what text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE heard text;
BEGIN
    INSERT INTO rollout.events (tenant, thread_id, what) VALUES (p_tenant, p_thread, p_what);
    SELECT f.channel INTO heard FROM rollout.followers f  -- who watches the tenant follows the thread of no number
    WHERE f.tenant = p_tenant AND f.thread_id = '00000000-0000-0000-0000-000000000000' AND f.until > clock_timestamp() AND f.armed
    FOR NO KEY UPDATE SKIP LOCKED;
    IF FOUND THEN
        UPDATE rollout.followers f SET armed = false
        WHERE f.tenant = p_tenant AND f.thread_id = '00000000-0000-0000-0000-000000000000';
        PERFORM pg_notify(heard, '');
    END IF;
    IF random() < 0.02 THEN  -- whoever forgets at the same time takes other rows
        DELETE FROM rollout.events e USING (
            SELECT o.tenant, o.thread_id, o.event FROM rollout.events o WHERE o.tenant = p_tenant
            ORDER BY o.made_by, o.event LIMIT 500 FOR UPDATE SKIP LOCKED
        ) AS old
        WHERE e.tenant = old.tenant AND e.thread_id = old.thread_id AND e.event = old.event
            AND e.made_at < clock_timestamp() - interval '2 hours';
    END IF;
END $$;

CREATE FUNCTION rollout.tell_of_thread() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM rollout.tell(NEW.tenant, NEW.thread_id, 'added');
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM rollout.tell(OLD.tenant, OLD.thread_id, 'removed');
    ELSE
        IF NEW.archived <> OLD.archived THEN
            PERFORM rollout.tell(NEW.tenant, NEW.thread_id, CASE WHEN NEW.archived THEN 'archived' ELSE 'unarchived' END);
        END IF;
        IF NEW.name IS DISTINCT FROM OLD.name THEN
            PERFORM rollout.tell(NEW.tenant, NEW.thread_id, 'named');
        END IF;
        IF (NEW.tags, NEW.note) IS DISTINCT FROM (OLD.tags, OLD.note) THEN
            PERFORM rollout.tell(NEW.tenant, NEW.thread_id, 'labelled');
        END IF;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER tell_of_thread AFTER INSERT OR DELETE ON rollout.threads
FOR EACH ROW EXECUTE FUNCTION rollout.tell_of_thread();
CREATE TRIGGER tell_of_changed_thread AFTER UPDATE OF archived, name, tags, note ON rollout.threads
FOR EACH ROW WHEN ((OLD.archived, OLD.name, OLD.tags, OLD.note) IS DISTINCT FROM (NEW.archived, NEW.name, NEW.tags, NEW.note))
EXECUTE FUNCTION rollout.tell_of_thread();
