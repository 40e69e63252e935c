-- Events of unclear tasks with the rank of each by all that orders it.
-- Reads: slice, unclear, statuses, services, nodes, node_text().
SELECT
    e.task_id,
    e.event_id,
    e.ts,
    statuses.class,
    statuses.number AS status,
    services.service,
    nodes.node,
    row_number() OVER (ORDER BY e.node_id, e.metainfo, e.node_type) AS rank
FROM slice AS e
INNER JOIN services ON services.service_name = e.service_name
INNER JOIN statuses ON statuses.status = e.status
LEFT JOIN nodes
    ON statuses.class = 1 AND nodes.node_text = node_text(name_in(e.metainfo), e.node_id) AND nodes.node_type = e.node_type
WHERE e.task_id IN (SELECT task_id FROM unclear)
