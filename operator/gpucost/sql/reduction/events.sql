-- All events of the range in a few integers: class of the status (0 waiting, 1 running, 2 success, 3 failure, 4 other), the
-- status and the service by their numbers, which are in the order of their bytes, and for running events the node.
-- Reads: running, nodes, slice, statuses, services.
SELECT
    r.task_id, r.event_id, r.ts, CAST(1 AS TINYINT) AS class, r.status, r.service, coalesce(r.node, nodes.node) AS node
FROM gpucost_running AS r
LEFT JOIN gpucost_nodes AS nodes ON nodes.node_text = r.new_text AND nodes.node_type = r.new_type
UNION ALL
SELECT e.task_id, e.event_id, e.ts, statuses.class, statuses.number, services.service, NULL
FROM gpucost_slice AS e
INNER JOIN gpucost_services AS services ON services.service_name = e.service_name
INNER JOIN gpucost_statuses AS statuses ON statuses.status = e.status
WHERE statuses.class <> 1
