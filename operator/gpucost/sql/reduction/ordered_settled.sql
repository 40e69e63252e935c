-- Settled events in their order, each with its neighbours in its task, as in ordered; nothing is in doubt any more.
-- Reads: settled.
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
    FROM (SELECT * FROM settled ORDER BY place)
)
