-- Events of tasks in doubt, each event once, in their order and with their neighbours as in ordered.
-- Reads: careful.
SELECT
    task_id,
    ts,
    class,
    service,
    node,
    CASE WHEN follows THEN ts_before END AS ts_before,
    CASE WHEN follows THEN class_before END AS class_before,
    is_last,
    FALSE AS doubtful
FROM (
    SELECT
        *,
        coalesce(lag(task_id) OVER () = task_id, FALSE) AS follows,
        lag(ts) OVER () AS ts_before,
        lag(class) OVER () AS class_before,
        coalesce(lead(task_id) OVER () <> task_id, TRUE) AS is_last
    FROM (
        SELECT * FROM careful WHERE copy = 1 ORDER BY task_id, ts, event_id NULLS LAST, tie, status, service, rank
    )
)
