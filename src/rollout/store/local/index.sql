-- The index of one home: a cache of what its files tell, made anew whenever it cannot be used.
-- Texts that UTF-8 cannot write stand as blobs; ids of threads in `fid` as their 16 bytes, which sort as the texts do.

CREATE TABLE home (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    path NOT NULL,                       -- the real path
    device TEXT NOT NULL,
    inode TEXT NOT NULL,
    names TEXT NOT NULL DEFAULT '',      -- session_index.jsonl as it was when its names were taken in
    tags TEXT NOT NULL DEFAULT '',       -- rollout_tags.jsonl in the same way
    loading INTEGER NOT NULL DEFAULT 0,  -- 1 while the first rows are made: `thread` has no indexes until all are there
    spoiled INTEGER NOT NULL DEFAULT 0   -- 1 when somebody else has changed a row
);

CREATE TABLE folder (
    id INTEGER PRIMARY KEY,
    path NOT NULL UNIQUE,                -- inside the home
    files INTEGER NOT NULL,
    skipped TEXT NOT NULL,               -- what could not be told apart there: JSON, number by reason
    state BLOB NOT NULL                  -- names, identities, sizes and times of its rollouts when they were taken in
);
CREATE INDEX folder_files ON folder (files);
CREATE INDEX folder_skipped ON folder (skipped) WHERE skipped <> '{}';

CREATE TABLE file (
    id INTEGER PRIMARY KEY,
    folder INTEGER NOT NULL,
    name NOT NULL,
    stamp TEXT NOT NULL,                 -- device:inode:size:time, the file's and not a link's
    created TEXT NOT NULL,               -- place in the created order, in file-name form
    thread TEXT NOT NULL,
    rollout TEXT NOT NULL,
    named INTEGER NOT NULL,
    plain INTEGER NOT NULL,
    archived INTEGER NOT NULL,
    UNIQUE (folder, name)
);
CREATE INDEX file_thread ON file (thread);
CREATE INDEX file_rollout ON file (rollout);

-- Threads that the broad filters show or hide together, and how many there are.
CREATE TABLE kind (
    id INTEGER PRIMARY KEY,
    archived INTEGER NOT NULL,
    state TEXT NOT NULL,
    source NOT NULL,
    provider NOT NULL,
    threads INTEGER NOT NULL DEFAULT 0,
    segments INTEGER NOT NULL DEFAULT 0,
    UNIQUE (archived, state, source, provider)
);

CREATE TABLE cwd (id INTEGER PRIMARY KEY, path NOT NULL UNIQUE);

-- What is sorted and filtered: narrow, so that many rows fit a page. The rest of a row is in `facts`.
CREATE TABLE thread (
    id INTEGER PRIMARY KEY,
    fid BLOB NOT NULL UNIQUE,            -- the id in the name of the newest file: the tie-break of every order
    kind INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    active INTEGER NOT NULL,
    title TEXT NOT NULL,
    size INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    cwd INTEGER,
    last_cwd INTEGER,                    -- where the last turn was, if elsewhere; -1: the file has to be asked
    branch,
    origin,
    parent,
    forked,
    name,
    claims BLOB                          -- the id that the metadata give, where it is another one
);
CREATE INDEX thread_created ON thread (kind, created, fid);
CREATE INDEX thread_updated ON thread (kind, updated, fid);
CREATE INDEX thread_active ON thread (kind, active, fid);
CREATE INDEX thread_name ON thread (kind, title, fid);
CREATE INDEX thread_size ON thread (kind, size, fid);
CREATE INDEX thread_tokens ON thread (kind, tokens, fid);
CREATE INDEX thread_by_cwd ON thread (cwd) WHERE cwd IS NOT NULL;
CREATE INDEX thread_by_last_cwd ON thread (last_cwd) WHERE last_cwd IS NOT NULL;
CREATE INDEX thread_by_origin ON thread (origin) WHERE origin IS NOT NULL;
CREATE INDEX thread_by_branch ON thread (branch) WHERE branch IS NOT NULL;
CREATE INDEX thread_by_parent ON thread (parent) WHERE parent IS NOT NULL;
CREATE INDEX thread_by_forked ON thread (forked) WHERE forked IS NOT NULL;
CREATE INDEX thread_by_name ON thread (name) WHERE name IS NOT NULL;
CREATE INDEX thread_by_claim ON thread (claims) WHERE claims IS NOT NULL;

CREATE TABLE facts (
    thread INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    file INTEGER NOT NULL,               -- the newest one
    created_ms INTEGER NOT NULL,
    segments INTEGER NOT NULL,
    problem,
    summary TEXT NOT NULL,
    begun TEXT,                          -- the head of a long file, so that growing costs its tail alone
    tags TEXT,                           -- JSON; NULL where there are neither tags nor a note
    note
);
CREATE INDEX facts_tags ON facts (thread) WHERE tags IS NOT NULL;

CREATE TABLE tag (tag TEXT NOT NULL, thread INTEGER NOT NULL, PRIMARY KEY (tag, thread)) WITHOUT ROWID;
CREATE INDEX tag_thread ON tag (thread);

-- What the text filter looks through; `titles` knows the beginning of each by threes, all of it unless it is long.
CREATE TABLE words (thread INTEGER PRIMARY KEY, text TEXT NOT NULL, long INTEGER NOT NULL);
CREATE INDEX words_long ON words (thread) WHERE long = 1;
CREATE VIRTUAL TABLE titles USING fts5 (
    text, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram case_sensitive 1'
);

-- The rollouts that a row was looked for in: it is made anew when one of them changes.
CREATE TABLE base (rollout TEXT NOT NULL, thread TEXT NOT NULL, PRIMARY KEY (rollout, thread)) WITHOUT ROWID;
CREATE INDEX base_thread ON base (thread);

-- Threads whose rows are still to be made, by the ids in their names; `path`: of a file of theirs that is gone.
CREATE TABLE todo (thread TEXT PRIMARY KEY, path NOT NULL DEFAULT '') WITHOUT ROWID;

-- Threads that were here and whose files are gone.
CREATE TABLE missing (thread TEXT PRIMARY KEY, path NOT NULL, title TEXT NOT NULL, noticed_ms INTEGER NOT NULL);

-- How often the files were found to differ from the index, by what had become of them.
CREATE TABLE event (kind TEXT PRIMARY KEY, times INTEGER NOT NULL, last_ms INTEGER NOT NULL, last_path NOT NULL);

-- Rows count only as we wrote them: a change by anybody else spoils the index as a whole. Our own connections fire no triggers.
CREATE TRIGGER folder_added AFTER INSERT ON folder BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER folder_changed AFTER UPDATE ON folder BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER folder_gone AFTER DELETE ON folder BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER file_added AFTER INSERT ON file BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER file_changed AFTER UPDATE ON file BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER file_gone AFTER DELETE ON file BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER kind_added AFTER INSERT ON kind BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER kind_changed AFTER UPDATE ON kind BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER kind_gone AFTER DELETE ON kind BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER cwd_changed AFTER UPDATE ON cwd BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER cwd_gone AFTER DELETE ON cwd BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER thread_added AFTER INSERT ON thread BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER thread_changed AFTER UPDATE ON thread BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER thread_gone AFTER DELETE ON thread BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER facts_added AFTER INSERT ON facts BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER facts_changed AFTER UPDATE ON facts BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER facts_gone AFTER DELETE ON facts BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER tag_added AFTER INSERT ON tag BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER tag_changed AFTER UPDATE ON tag BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER tag_gone AFTER DELETE ON tag BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER words_added AFTER INSERT ON words BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER words_changed AFTER UPDATE ON words BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER words_gone AFTER DELETE ON words BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER base_gone AFTER DELETE ON base BEGIN UPDATE home SET spoiled = 1; END;
CREATE TRIGGER todo_gone AFTER DELETE ON todo BEGIN UPDATE home SET spoiled = 1; END;
