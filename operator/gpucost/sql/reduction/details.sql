-- Charged attempts one by one, in the order in which money is split: by the bytes of the task's id, then by start.
-- Reads: attempts, places.
SELECT
    CAST(a.task_id AS VARCHAR) AS task_id,
    a.service,
    a.type AS node_type,
    coalesce(p.node, '') AS node,
    a.outcome,
    a.retry,
    a.started AS started_us,
    coalesce(a.ended, -1) AS ended_us,
    a.part_start AS part_start_us,
    a.part_end AS part_end_us,
    coalesce(a.counted_at >= $lo, FALSE) AS counted
FROM attempts AS a
LEFT JOIN (SELECT DISTINCT node, node_code FROM places WHERE node_code IS NOT NULL) AS p ON p.node_code = a.node
WHERE a.wanted AND a.outcome < 4
ORDER BY 1, a.started, coalesce(a.ended, $hi)
