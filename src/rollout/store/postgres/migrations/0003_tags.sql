-- What people give to threads besides a name: tags, each a word, and a note (as JSON, as names are).

ALTER TABLE rollout.threads ADD COLUMN tags text[] COLLATE "C" NOT NULL DEFAULT '{}', ADD COLUMN note text COLLATE "C";
ALTER TABLE rollout.trash ADD COLUMN tags text[] COLLATE "C" NOT NULL DEFAULT '{}', ADD COLUMN note text COLLATE "C";
CREATE INDEX threads_by_tag ON rollout.threads USING gin (tags) WHERE tags <> '{}';
