-- Tasks in one row each: enough to tell the tasks that ran once from those that need a look at the order of their events.
-- Reads: events, places.
SELECT
    e.task_id,
    count(*) FILTER (WHERE e.class = 0) AS waits,
    count(*) FILTER (WHERE e.class = 1) AS runs,
    count(*) FILTER (WHERE e.class > 1) AS ends,
    max(e.ts) FILTER (WHERE e.class = 0) AS waited,
    max(e.ts) FILTER (WHERE e.class = 1) AS started,
    max(e.ts) FILTER (WHERE e.class > 1) AS ended,
    max(e.class) AS last_class,
    max(places.place) AS place
FROM events AS e
LEFT JOIN places ON e.class = 1 AND places.service = e.service AND places.node = e.node AND places.node_type = e.node_type
GROUP BY e.task_id
