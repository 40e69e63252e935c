-- Events of tasks in doubt, each event once, in the order of section 3: nothing is in doubt any more.
-- Reads: careful, nodes, node_text().
SELECT c.task_id, c.ts, c.class, c.service, nodes.node, FALSE AS doubtful
FROM careful AS c
LEFT JOIN nodes
    ON c.class = 1 AND nodes.node_text = node_text(name_in(c.metainfo), c.node_id) AND nodes.node_type = c.node_type
WHERE c.copy = 1
ORDER BY c.task_id, c.ts, c.event_id NULLS LAST, c.tie, c.status, c.service_name, c.node_id, c.metainfo, c.node_type
