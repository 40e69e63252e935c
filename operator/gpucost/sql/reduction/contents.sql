-- All that orders the events of tasks in doubt. Rows of running events that the node's text does not tell apart need no
-- metainfo: here the text stands in for it, because reading metainfo again costs more than all the rest.
-- Reads: running, slice, doubtful, statuses, services.
SELECT
    task_id, event_id, ts, CAST(1 AS TINYINT) AS class, service, status, service_name, node_id, node_type, node_text,
    node_text AS metainfo
FROM running
WHERE task_id IN (SELECT task_id FROM doubtful)
UNION ALL
SELECT
    e.task_id, e.event_id, e.ts, coalesce(statuses.class, CAST(4 AS TINYINT)), services.service, e.status, e.service_name,
    e.node_id, e.node_type, '', ''
FROM slice AS e
INNER JOIN services ON services.service_name = e.service_name
LEFT JOIN statuses ON statuses.status = e.status
WHERE statuses.class IS DISTINCT FROM 1 AND e.task_id IN (SELECT task_id FROM doubtful)
