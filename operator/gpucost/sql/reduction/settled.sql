-- Events of tasks in doubt, each event once, in the order of section 3: nothing is in doubt any more.
-- Reads: careful, nodes.
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
        SELECT c.task_id, c.ts, c.class, c.service, nodes.node
        FROM careful AS c
        LEFT JOIN nodes
            ON c.class = 1 AND nodes.node_text = c.node_text
            AND nodes.node_type = c.node_type
        WHERE c.copy = 1
        ORDER BY
            c.task_id, c.ts, c.event_id NULLS LAST, c.tie, c.status, c.service_name, c.node_id, c.metainfo, c.node_type
    )
)
