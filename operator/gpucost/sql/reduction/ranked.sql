-- Events of unclear tasks with the rank of each by all that orders it.
-- Reads: slice, unclear, statuses, services, nodes, gpucost_node_text().
SELECT
    e.task_id,
    e.event_id,
    e.ts,
    statuses.class,
    statuses.number AS status,
    services.service,
    nodes.node,
    row_number() OVER (ORDER BY e.node_id, e.metainfo, e.node_type) AS rank
FROM gpucost_slice AS e
INNER JOIN gpucost_services AS services ON services.service_name = e.service_name
INNER JOIN gpucost_statuses AS statuses ON statuses.status = e.status
LEFT JOIN gpucost_nodes AS nodes
    ON statuses.class = 1 AND nodes.node_text = gpucost_node_text(gpucost_name_in(e.metainfo), e.node_id) AND nodes.node_type = e.node_type
WHERE e.task_id IN (SELECT task_id FROM gpucost_unclear)
