-- Events of tasks in doubt, each event once, with its place in the order of section 3.
-- Reads: careful, nodes.
SELECT
    c.task_id, c.ts, c.class, c.service, nodes.node,
    row_number() OVER (
        ORDER BY
            c.task_id, c.ts, c.event_id NULLS LAST, c.tie, c.status, c.service_name, c.node_id, c.metainfo, c.node_type
    ) AS place
FROM careful AS c
LEFT JOIN nodes ON c.class = 1 AND nodes.node_text = c.node_text AND nodes.node_type = c.node_type
WHERE c.copy = 1
