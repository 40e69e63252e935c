-- Charged attempts one by one, in the order in which money is split: by the bytes of the task's id, then by start.
-- Reads: all_kept, kinds. Parameters: hi.
SELECT
    a.task_id,
    a.service,
    a.type AS node_type,
    coalesce(kinds.name, '') AS node,
    a.outcome,
    a.retry,
    a.started AS started_us,
    coalesce(a.ended, -4611686018427387904) AS ended_us,
    a.part_start AS part_start_us,
    a.part_end AS part_end_us,
    a.counted
FROM all_kept AS a
LEFT JOIN kinds ON kinds.node = a.node
ORDER BY 1, a.started, coalesce(a.ended, $hi)
