-- FirstRunToEnd: a task's events, cut where one follows more than stale after one that is not running. Each part with a
-- running event is one attempt, from its first running event to its last event, by the last status. The next part begins
-- more than stale later, so that none is a retry. Of a task that never ran only the last part is kept.
-- That such an attempt goes on elsewhere is its nature, and not looked at.
-- Reads: ordered (rows in order). Parameters: now, stale.
SELECT
    task_id,
    coalesce(first_run, last_ts) AS started,
    CASE WHEN last_class <> 1 THEN last_ts END AS ended,
    CASE
        WHEN first_run IS NULL THEN 6
        WHEN last_class = 0 THEN 1
        WHEN last_class = 2 THEN 3
        WHEN last_class = 3 THEN 0
        WHEN last_class = 4 THEN 4
        WHEN $now - last_ts >= $stale THEN 5
        ELSE 2
    END AS outcome,
    coalesce(run_service, last_service) AS service,
    node,
    FALSE AS retry,
    FALSE AS moved,
    doubtful
FROM (
    SELECT
        *,
        count(first_run) OVER (PARTITION BY task_id) AS runs,
        row_number() OVER (PARTITION BY task_id ORDER BY part DESC) AS from_last
    FROM (
        SELECT
            task_id,
            part,
            min(ts) FILTER (WHERE class = 1) AS first_run,
            arg_min(service, position) FILTER (WHERE class = 1) AS run_service,
            arg_min(node, position) FILTER (WHERE class = 1) AS node,
            max(ts) AS last_ts,
            arg_max(class, position) AS last_class,
            arg_max(service, position) AS last_service,
            bool_or(doubtful) AS doubtful
        FROM (
            SELECT
                *,
                row_number() OVER () AS position,
                count(*) FILTER (WHERE ts_before IS NULL OR (class_before <> 1 AND ts - ts_before > $stale))
                    OVER (ROWS UNBOUNDED PRECEDING) AS part
            FROM ordered
        )
        GROUP BY task_id, part
    )
)
WHERE first_run IS NOT NULL OR (runs = 0 AND from_last = 1) OR doubtful
