-- Takes every thread away: refused by the command unless that is said in so many words.
DROP FUNCTION rollout.append, rollout.hold, rollout.number_at;
DROP TABLE rollout.words, rollout.followers, rollout.trash, rollout.leases, rollout.threads, rollout.lines, rollout.segments;
DROP SEQUENCE rollout.segment_numbers;
DROP FUNCTION rollout.tenant;
DROP TABLE rollout.tenant_roles;
