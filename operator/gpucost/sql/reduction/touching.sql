-- Attempts that touch the period [lo, hi), with the part of them that lies in it, and tasks that never ran and whose last
-- event lies in it (outcome 6). An Open or Lost attempt runs to hi. An attempt counts
-- where it ended in the period (section 3).
-- Reads: found, wanted, kinds. Parameters: lo, hi.
SELECT
    a.task_id,
    a.started,
    a.ended,
    a.outcome,
    a.retry,
    a.service,
    a.node,
    a.moved,
    coalesce(kinds.place, a.node) AS place,
    coalesce(kinds.type, 0) AS type,
    coalesce(kinds.doubt, 0) AS doubt,
    wanted.wanted,
    greatest(a.started, $lo) AS part_start,
    least(coalesce(a.ended, $hi), $hi) AS part_end,
    coalesce(a.ended <= $hi AND (a.ended > $lo OR a.ended = a.started), FALSE) AS counted
FROM found AS a
INNER JOIN wanted ON wanted.service = a.service
LEFT JOIN kinds ON kinds.node = a.node
WHERE a.started < $hi
    AND CASE
        WHEN a.outcome = 6 OR a.started = a.ended THEN a.started >= $lo
        ELSE coalesce(a.ended, $hi) > $lo
    END
