DROP TRIGGER tell_of_thread ON rollout.threads;
DROP TRIGGER tell_of_changed_thread ON rollout.threads;
DROP FUNCTION rollout.tell_of_thread, rollout.tell;
DROP TABLE rollout.events;
DELETE FROM rollout.followers WHERE thread_id = '00000000-0000-0000-0000-000000000000';
ALTER TABLE rollout.followers DROP COLUMN armed;
