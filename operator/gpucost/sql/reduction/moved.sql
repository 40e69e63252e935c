-- Tasks of which a charged attempt has a running event on another node than the one it started on. Whoever says nothing of the
-- node, or what can't be read, says nothing else.
-- Reads: touching, events, kinds.
SELECT
    CAST(a.task_id AS VARCHAR) AS task_id,
    arg_min(mine.name, (a.started, other.name)) AS node,
    arg_min(other.name, (a.started, other.name)) AS other
FROM (SELECT task_id, ts, node FROM events WHERE class = 1 AND node >= 0) AS e
ASOF INNER JOIN (SELECT * FROM touching WHERE moved AND wanted AND outcome < 4 AND node >= 0) AS a
    ON e.task_id = a.task_id AND e.ts >= a.started
INNER JOIN kinds AS mine ON mine.node = a.node
INNER JOIN kinds AS other ON other.node = e.node
WHERE other.name <> mine.name AND (a.ended IS NULL OR e.ts < a.ended)
GROUP BY a.task_id
