-- Attempts that touch the period [lo, hi), with the part of them that lies in it, and tasks that never ran and whose last
-- event lies in it (outcome 6). An Open or Lost attempt runs to hi. An ended attempt counts at its last microsecond, a
-- zero-length one at its start (section 3).
-- Reads: found, wanted, kinds. Parameters: lo, hi.
SELECT
    a.task_id,
    a.started,
    a.ended,
    a.outcome,
    a.retry,
    a.service,
    a.node,
    coalesce(kinds.type, 0) AS type,
    wanted.wanted,
    greatest(a.started, $lo) AS part_start,
    least(coalesce(a.ended, $hi), $hi) AS part_end,
    CASE
        WHEN a.ended > a.started AND a.ended <= $hi THEN a.ended - 1
        WHEN a.ended = a.started THEN a.started
    END AS counted_at
FROM found AS a
INNER JOIN wanted ON wanted.service = a.service
LEFT JOIN kinds ON kinds.node = a.node
WHERE a.started < $hi
    AND CASE
        WHEN a.outcome = 6 OR a.started = a.ended THEN a.started >= $lo
        ELSE coalesce(a.ended, $hi) > $lo
    END
