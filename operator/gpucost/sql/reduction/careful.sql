-- Events of tasks in doubt, with all that orders them, and which copy of the event each row is. The same event_id of a task,
-- or without it an identical row, is one event: copy 1 is the first in the order of section 3, the others repeat it.
-- Reads: slice, doubtful, statuses, services.
SELECT
    e.task_id,
    e.event_id,
    e.ts,
    coalesce(statuses.class, 4) AS class,
    services.service,
    e.status,
    e.service_name,
    e.node_id,
    e.node_type,
    CASE WHEN statuses.class = 1 THEN e.metainfo ELSE '' END AS metainfo,
    CASE WHEN e.event_id IS NULL THEN least(coalesce(statuses.class, 4), 2 + coalesce(statuses.class, 4) // 4) ELSE 0 END
        AS tie,
    row_number() OVER (
        PARTITION BY e.task_id, e.event_id, CASE WHEN e.event_id IS NULL THEN ROW(
            e.ts, e.status, e.service_name, e.node_id, CASE WHEN statuses.class = 1 THEN e.metainfo ELSE '' END, e.node_type
        ) END
        ORDER BY
            e.ts, e.status, e.service_name, e.node_id, CASE WHEN statuses.class = 1 THEN e.metainfo ELSE '' END, e.node_type
    ) AS copy
FROM slice AS e
INNER JOIN services ON services.service_name = e.service_name
LEFT JOIN statuses ON statuses.status = e.status
WHERE e.task_id IN (SELECT task_id FROM doubtful)
