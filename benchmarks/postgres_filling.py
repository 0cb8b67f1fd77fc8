"""Threads of one tenant by the million, made inside the server from one that was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from corpus import START_MS, line, meta, recorded_items
from rollout.ids import ThreadId
from rollout.items import UserMessage
from rollout.store.base import Place

if TYPE_CHECKING:
    import psycopg

    from postgres_server import Server

TENANT = "crowd"
FEW_CWD, MANY_CWD = "/home/dev/app-30", "/home/dev/app-0"
PARENT = "00000000-0000-7000-8000-000000000007"
_FACTS = """
CREATE TEMP TABLE facts AS SELECT i,
    (lpad(to_hex({start} + i * 1000), 12, '0') || '7000' || '8' || lpad(to_hex((i * 7919) % 4096), 3, '0')
        || lpad(to_hex(i), 12, '0'))::uuid AS id,
    {start} + i * 1000 AS ms, {start} + (i * 104729 % 1000003) * 1000 + i % 1000 AS active,
    CASE WHEN i % 20 = 0 THEN 'exec' WHEN i % 20 = 1 THEN 'subagent:thread_spawn' WHEN i % 20 = 2 THEN 'vscode' ELSE 'cli' END
        AS source,
    CASE WHEN i % 49 = 0 THEN 'rare' ELSE 'usual' END AS provider,
    '"/home/dev/app-' || CASE WHEN i % 10 = 3 THEN 0 ELSE i * 31 % 20000 END || '"' AS cwd, '"branch-' || i % 37 || '"' AS branch,
    i % 10 = 9 AS archived, CASE WHEN i % 25 = 0 THEN 'untitled' ELSE 'titled' END AS state,
    CASE WHEN i % 50000 = 1 THEN '{parent}' END AS parent, 'question number ' || i || ' of the crowd' AS title
FROM generate_series({first}::bigint, {last}) i
"""
_THREADS = """
INSERT INTO rollout.threads (tenant, thread_id, path, segments, archived, size, named_ms, created_ms, modified_ms,
    active_ms, tokens, state, source, provider, cwd, branch, parent, name, title, texts, summary)
SELECT %(tenant)s, id, 'rollout-2026-01-01T00-00-00-' || id || '.jsonl', 1, f.archived, 1000 + i * 13 %% 100000, ms, ms, active,
    active, i * 17 %% 1000000, f.state, f.source, f.provider, f.cwd, f.branch, f.parent,
    CASE WHEN i %% 100 = 0 THEN '"name-' || i || '"' END, f.title, f.title, m.summary
FROM facts f, rollout.threads m WHERE m.tenant = 'model'
"""
_SEGMENTS = """
INSERT INTO rollout.segments (tenant, thread_id, segment, rollout_id, name, named_ms, modified_ns, mode, archived, lines, bytes,
    complete, indexed, era)
SELECT %(tenant)s, id, 1000000 + i, id, 'rollout-2026-01-01T00-00-00-' || id || '.jsonl', ms, ms * 1000000, 384, f.archived,
    m.lines, m.bytes, m.complete, m.lines, m.era
FROM facts f, rollout.segments m WHERE m.tenant = 'model'
"""
_LINES = """
INSERT INTO rollout.lines (tenant, thread_id, segment, n, at, timestamp, type, bytes)
SELECT %(tenant)s, id, 1000000 + i, m.n, m.at, m.timestamp, m.type, m.bytes FROM facts f, rollout.lines m WHERE m.tenant = 'model'
"""
_KINDS = """
INSERT INTO rollout.kinds (tenant, thread_id, archived, state, source, provider, threads)
SELECT %(tenant)s, (array_agg(id))[1], archived, state, source, provider, count(*) FROM facts GROUP BY 3, 4, 5, 6
"""
_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid IN ('rollout.threads'::regclass, 'rollout.segments'::regclass) AND NOT indisprimary
"""


def model(server: Server) -> None:
    """One recorded thread, from which all others are made: its metadata and its first question."""
    store = server.store("model")
    identity = ThreadId.new(START_MS, b"\0" * 10)
    writer = store.create(identity, Place(START_MS))
    writer.begin(line(meta(identity, instructions=600)))
    question = next(item for item in recorded_items(200) if isinstance(item, UserMessage))
    writer.append(line(question), 1)
    writer.flush()
    writer.close()
    store.close()


def fill(boss: psycopg.Connection[Any], first: int, last: int) -> None:
    """Make threads with these numbers; indexes are made anew afterwards, which is faster than keeping them."""
    indexes = boss.execute(_INDEXES).fetchall()
    boss.execute("SET session_replication_role = replica")  # no triggers: what they count is written at once
    for name, _ in indexes:
        boss.execute(f"DROP INDEX {name}".encode())
    boss.execute(_FACTS.format(start=START_MS, first=first, last=last, parent=PARENT).encode())
    for statement in (_THREADS, _SEGMENTS, _LINES, _KINDS):
        boss.execute(statement.encode(), {"tenant": TENANT})
    for _, statement in indexes:
        boss.execute(statement.encode())
    boss.execute("DROP TABLE facts")
    boss.execute("SET session_replication_role = origin")
    for table in ("threads", "segments", "lines", "kinds"):
        boss.execute(f"VACUUM ANALYZE rollout.{table}".encode())
    boss.execute("CHECKPOINT")
