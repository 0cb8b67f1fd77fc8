-- The words of one home: a cache of what its rollouts say, which may be deleted at any time.

CREATE TABLE home (path BLOB NOT NULL, device TEXT NOT NULL, inode TEXT NOT NULL);

CREATE TABLE file (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    identity TEXT NOT NULL,     -- device:inode
    size INTEGER NOT NULL,      -- -1 while its lines are still being taken in: then it agrees with no file
    modified_ns INTEGER NOT NULL,
    done INTEGER NOT NULL,      -- the offset (of what was compressed) behind the last line that was taken in
    lines INTEGER NOT NULL,     -- how many lines stand before it
    turn INTEGER NOT NULL,      -- where the count of turns stands there
    by_item INTEGER NOT NULL,
    guard INTEGER NOT NULL,     -- a checksum of the bytes before it, which tells growth from replacement
    active_ms INTEGER,          -- the time of the last record, NULL while unknown
    based INTEGER NOT NULL      -- whether it builds on another file
);

-- Consecutive ids of lines belong to one file.
CREATE TABLE run (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, file INTEGER NOT NULL);
CREATE INDEX run_file ON run (file);

-- Where the lines that have text stand in their files.
CREATE TABLE line (
    id INTEGER PRIMARY KEY,
    n INTEGER NOT NULL,
    start INTEGER NOT NULL,
    length INTEGER NOT NULL,
    turn INTEGER NOT NULL
);

-- Lines of 16 MiB or more: their words are not taken in, every search looks through their bytes.
CREATE TABLE long (
    file INTEGER NOT NULL,
    start INTEGER NOT NULL,
    n INTEGER NOT NULL,
    length INTEGER NOT NULL,
    turn INTEGER NOT NULL,
    PRIMARY KEY (file, start)
) WITHOUT ROWID;

-- Runs of ASCII letters and digits, and of everything beyond ASCII, are words: `index_text` prepares the rest.
CREATE VIRTUAL TABLE words USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'ascii');
