-- How many lines have such words, as far as the statistics tell: for words that are everywhere nobody has to name all the
-- threads that may have them. As threads_with it asks as the owner of the words, and keeps the tenant itself.

CREATE FUNCTION rollout.lines_with(p_words tsquery) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE plan json;
BEGIN
    EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM rollout.words w WHERE w.tenant = %L AND w.words OPERATOR(pg_catalog.@@) %L::tsquery',
                   rollout.tenant(), p_words::text) INTO plan;
    RETURN (plan->0->'Plan'->>'Plan Rows')::bigint;
END $$;
