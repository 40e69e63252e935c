-- Attempts of tasks that ran exactly once: waiting strictly before, at most one end strictly after, no event twice. There
-- both rules of execution time agree. Ties and everything else are left to the events in their order.
-- Reads: tasks, twice. Parameters: now, stale.
SELECT
    task_id,
    started,
    ended,
    CASE last_class
        WHEN 2 THEN 3
        WHEN 3 THEN 0
        WHEN 4 THEN 4
        ELSE CASE WHEN $now - started >= $stale THEN 5 ELSE 2 END
    END AS outcome,
    place,
    FALSE AS retry
FROM tasks
WHERE runs = 1 AND ends <= 1 AND waits <= 1
    AND (waited IS NULL OR waited < started) AND (ended IS NULL OR ended > started)
    AND task_id NOT IN (SELECT task_id FROM twice)
