-- Attempts that touch the period [lo, hi), with where they ran and the part of them that lies in it. An Open or Lost
-- attempt runs to hi. An ended attempt counts at its last microsecond, a zero-length one at its start (section 3).
-- Reads: once, many, places. Parameters: lo, hi.
SELECT
    a.task_id,
    a.started,
    a.ended,
    a.outcome,
    a.retry,
    places.service_code AS service,
    places.node_code AS node,
    places.type_code AS type,
    places.wanted,
    greatest(a.started, $lo) AS part_start,
    least(coalesce(a.ended, $hi), $hi) AS part_end,
    CASE
        WHEN a.ended > a.started AND a.ended <= $hi THEN a.ended - 1
        WHEN a.ended = a.started THEN a.started
    END AS counted_at
FROM (SELECT * FROM once UNION ALL SELECT * FROM many) AS a
INNER JOIN places ON places.place = a.place
WHERE a.started < $hi AND (coalesce(a.ended, $hi) > $lo OR (a.started = a.ended AND a.started >= $lo))
