-- All that orders the events of tasks in doubt, metainfo of running events included.
-- Reads: slice, doubtful, statuses, services, node_text().
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
WHERE e.task_id IN (SELECT task_id FROM doubtful)
