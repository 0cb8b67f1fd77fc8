DROP INDEX rollout.segments_torn;
DROP FUNCTION rollout.threads_with(tsquery, integer);
ALTER TABLE rollout.words FORCE ROW LEVEL SECURITY;
