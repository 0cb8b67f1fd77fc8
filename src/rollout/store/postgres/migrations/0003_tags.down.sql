ALTER TABLE rollout.trash DROP COLUMN tags, DROP COLUMN note;
ALTER TABLE rollout.threads DROP COLUMN tags, DROP COLUMN note;
