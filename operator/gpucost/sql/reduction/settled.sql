-- Events of tasks in doubt, each event once, in the order of section 3 to the last byte.
-- Reads: careful.
SELECT *, TRUE AS settled
FROM careful
WHERE copy = 1
ORDER BY task_id, ts, event_id NULLS LAST, tie, status, service, rank
