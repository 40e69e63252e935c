-- Events of tasks in doubt, with all that orders them, and which copy of the event each row is. The same event_id of a task,
-- or without it a row that says the same as far as the method reads it, is one event: copy 1 is the first in the order of
-- section 3, the others repeat it.
-- Reads: slice, all_doubtful, statuses, services, node_text().
SELECT
    *,
    CASE WHEN event_id IS NULL THEN least(class, 2 + class // 4) ELSE 0 END AS tie,
    row_number() OVER (
        PARTITION BY
            task_id, event_id,
            CASE WHEN event_id IS NULL THEN ROW(ts, status, service_name, node_id, node_text, node_type) END
        ORDER BY ts, status, service_name, node_id, metainfo, node_type
    ) AS copy
FROM (
    SELECT
        e.task_id,
        e.event_id,
        e.ts,
        coalesce(statuses.class, CAST(4 AS TINYINT)) AS class,
        services.service,
        e.status,
        e.service_name,
        e.node_id,
        e.node_type,
        CASE WHEN statuses.class = 1 THEN node_text(name_in(e.metainfo), e.node_id) ELSE '' END AS node_text,
        CASE WHEN statuses.class = 1 THEN e.metainfo ELSE '' END AS metainfo
    FROM slice AS e
    INNER JOIN services ON services.service_name = e.service_name
    LEFT JOIN statuses ON statuses.status = e.status
    WHERE e.task_id IN (SELECT task_id FROM gpucost_reduction.all_doubtful)
)
