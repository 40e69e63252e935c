-- All other tasks' events, each event once. The same event_id, or without it an identical row, is one event: copy 1 is the
-- first in the order of section 3, later copies are counted and left out.
-- Reads: events, tasks, twice, places.
SELECT
    e.task_id,
    e.event_id,
    e.ts,
    e.class,
    e.service,
    places.place,
    e.status,
    e.service_name,
    e.node_id,
    e.metainfo,
    e.node_type,
    CASE WHEN e.event_id IS NULL THEN least(e.class, 2 + e.class // 4) ELSE 0 END AS tie,
    row_number() OVER (
        PARTITION BY
            e.task_id, e.event_id,
            CASE WHEN e.event_id IS NULL
                THEN ROW(e.ts, e.status, e.service_name, e.node_id, e.metainfo, e.node_type) END
        ORDER BY e.ts, e.status, e.service_name, e.node_id, e.metainfo, e.node_type
    ) AS copy
FROM events AS e
LEFT JOIN places ON e.class = 1 AND places.service = e.service AND places.node = e.node AND places.node_type = e.node_type
WHERE e.task_id IN (
    SELECT task_id FROM tasks
    WHERE NOT (
        runs = 1 AND ends <= 1 AND waits <= 1
        AND (waited IS NULL OR waited < started) AND (ended IS NULL OR ended > started)
    )
    UNION
    SELECT task_id FROM twice
)
