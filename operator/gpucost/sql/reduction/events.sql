-- Events that can be used, with the class of their status, and for running events the node: its name from metainfo, else
-- its id, else none. Of other events metainfo is not looked at. A name that is empty, no text, or in metainfo that is no JSON, is no name (section 3).
-- Reads: source, statuses. Parameters: now.
SELECT
    e.task_id,
    e.event_id,
    e.ts,
    coalesce(statuses.class, 4) AS class,
    coalesce(nullif(e.service_name, ''), 'unknown') AS service,
    CASE
        WHEN statuses.class <> 1 OR statuses.class IS NULL THEN NULL
        WHEN json_valid(e.metainfo)
            AND json_type(e.metainfo, '$.node_name') = 'VARCHAR'
            AND json_extract_string(e.metainfo, '$.node_name') <> ''
            THEN 'name ' || json_extract_string(e.metainfo, '$.node_name')
        WHEN e.node_id <> '' THEN 'id ' || e.node_id
        ELSE ''
    END AS node,
    e.node_type,
    e.status,
    e.service_name,
    e.node_id,
    CASE WHEN statuses.class = 1 THEN e.metainfo ELSE '' END AS metainfo
FROM source AS e
LEFT JOIN statuses ON statuses.status = e.status
WHERE e.problem IS NULL AND e.ts <= $now
