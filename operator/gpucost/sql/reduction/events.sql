-- All events of the range in a few integers: class of the status (0 waiting, 1 running, 2 success, 3 failure, 4 other),
-- service, and for running events the node.
-- Reads: running, nodes, slice, statuses, services.
SELECT r.task_id, r.event_id, r.ts, CAST(1 AS TINYINT) AS class, r.service, nodes.node
FROM running AS r
INNER JOIN nodes ON nodes.node_text = r.node_text AND nodes.node_type = r.node_type
UNION ALL
SELECT e.task_id, e.event_id, e.ts, coalesce(statuses.class, CAST(4 AS TINYINT)), services.service, NULL
FROM slice AS e
INNER JOIN services ON services.service_name = e.service_name
LEFT JOIN statuses ON statuses.status = e.status
WHERE statuses.class IS DISTINCT FROM 1
