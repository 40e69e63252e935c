-- Tasks that never ran, and whose last event lies in the period, by that event's service.
-- Reads: ordered. Parameters: lo, hi.
SELECT service, count(*) AS tasks
FROM (
    SELECT arg_max(service, position) AS service, max(ts) AS last_ts
    FROM ordered
    GROUP BY task_id
    HAVING count(*) FILTER (WHERE class = 1) = 0
)
WHERE last_ts >= $lo AND last_ts < $hi
GROUP BY service
