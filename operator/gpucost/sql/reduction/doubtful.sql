-- Tasks with an event in doubt.
-- Reads: found.
SELECT DISTINCT task_id FROM found WHERE doubtful
