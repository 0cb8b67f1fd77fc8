DROP FUNCTION rollout.take;
ALTER TABLE rollout.words DROP CONSTRAINT words_pkey, ADD PRIMARY KEY (thread_id, segment, n);
ALTER TABLE rollout.lines DROP CONSTRAINT lines_pkey, ADD PRIMARY KEY (thread_id, segment, n);
ALTER TABLE rollout.trash DROP CONSTRAINT trash_pkey, ADD PRIMARY KEY (tenant, token);
