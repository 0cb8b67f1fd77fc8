DROP FUNCTION rollout.lines_with(tsquery);
