-- Whether only metainfo can tell which of two running events, on different nodes, comes first.
-- Reads: careful.
SELECT count(*) AS groups
FROM (
    SELECT 1
    FROM careful
    WHERE class = 1
    GROUP BY task_id, event_id, ts, status, service_name, node_id, node_type
    HAVING count(DISTINCT node_text) > 1
)
