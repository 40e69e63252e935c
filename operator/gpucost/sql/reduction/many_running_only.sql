-- RunningOnly: an attempt starts at a running event that no running event precedes, and ends at the task's next event of
-- another status. Only these events matter, and they alternate.
-- Reads: ordered. Parameters: now, stale.
SELECT
    task_id,
    ts AS started,
    next_ts AS ended,
    CASE next_class
        WHEN 0 THEN 1
        WHEN 2 THEN 3
        WHEN 3 THEN 0
        WHEN 4 THEN 4
        ELSE CASE WHEN $now - last_ts >= $stale THEN 5 ELSE 2 END
    END AS outcome,
    place,
    coalesce(ts - previous_end <= $stale, FALSE) AS retry
FROM (
    SELECT
        *,
        lead(ts) OVER task AS next_ts,
        lead(class) OVER task AS next_class,
        lag(ts) OVER task AS previous_end
    FROM ordered
    WHERE (class = 1) <> (coalesce(class_before, 0) = 1)
    WINDOW task AS (PARTITION BY task_id ORDER BY position)
)
WHERE class = 1
