-- Running events with the number of their node, or where it has none yet, its text. Of other events metainfo is not looked
-- at.
-- Reads: slice, statuses, services, nodes, gpucost_node_text().
SELECT
    r.task_id, r.event_id, r.ts, r.status, r.service, nodes.node,
    CASE WHEN nodes.node IS NULL THEN r.node_type END AS new_type,
    CASE WHEN nodes.node IS NULL THEN r.node_text END AS new_text
FROM (
    SELECT task_id, event_id, ts, status, service, node_type, gpucost_node_text(name, node_id) AS node_text
    FROM (
        SELECT
            e.task_id, e.event_id, e.ts, e.node_id, e.node_type, statuses.number AS status, services.service,
            gpucost_name_in(e.metainfo) AS name
        FROM gpucost_slice AS e
        INNER JOIN gpucost_services AS services ON services.service_name = e.service_name
        INNER JOIN gpucost_statuses AS statuses ON statuses.status = e.status
        WHERE statuses.class = 1
    )
) AS r
LEFT JOIN gpucost_nodes AS nodes ON nodes.node_text = r.node_text AND nodes.node_type = r.node_type
