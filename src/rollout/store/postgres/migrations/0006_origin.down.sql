ALTER TABLE rollout.threads DROP COLUMN origin;
