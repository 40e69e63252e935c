-- Running events with their node as text. Of other events metainfo is not looked at.
-- Reads: slice, statuses, services, node_text().
SELECT task_id, event_id, ts, service, node_type, node_text(name, node_id) AS node_text
FROM (
    SELECT e.task_id, e.event_id, e.ts, e.node_id, e.node_type, services.service, name_in(e.metainfo) AS name
    FROM slice AS e
    INNER JOIN services ON services.service_name = e.service_name
    INNER JOIN statuses ON statuses.status = e.status
    WHERE statuses.class = 1
)
