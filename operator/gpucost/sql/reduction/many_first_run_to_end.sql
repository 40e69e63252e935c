-- FirstRunToEnd: a task's events, cut where one follows more than stale after one that is not running. Each part with a
-- running event is one attempt, from its first running event to its last event, by the last status.
-- Reads: ordered. Parameters: now, stale.
SELECT
    task_id,
    started,
    CASE WHEN last_class <> 1 THEN last_ts END AS ended,
    CASE last_class
        WHEN 0 THEN 1
        WHEN 2 THEN 3
        WHEN 3 THEN 0
        WHEN 4 THEN 4
        ELSE CASE WHEN $now - last_ts >= $stale THEN 5 ELSE 2 END
    END AS outcome,
    place,
    coalesce(started - lag(last_ts) OVER (PARTITION BY task_id ORDER BY part) <= $stale, FALSE) AS retry
FROM (
    SELECT
        task_id,
        part,
        min(ts) FILTER (WHERE class = 1) AS started,
        arg_min(place, position) FILTER (WHERE class = 1) AS place,
        max(ts) AS last_ts,
        arg_max(class, position) AS last_class
    FROM (
        SELECT
            *,
            count(*) FILTER (WHERE class_before <> 1 AND since_before > $stale)
                OVER (PARTITION BY task_id ORDER BY position) AS part
        FROM ordered
    )
    GROUP BY task_id, part
    HAVING count(*) FILTER (WHERE class = 1) > 0
)
