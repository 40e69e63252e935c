-- Rows that repeat an event, and how many of them say something else than it does, as far as the method reads them.
-- Reads: careful. Parameters: lo, hi.
SELECT
    status,
    service,
    count(*) AS copies,
    count(*) FILTER (WHERE ts >= $lo AND ts < $hi) AS copies_in_period,
    count(*) FILTER (WHERE differs) AS different
FROM (
    SELECT
        *,
        event_id IS NOT NULL
            AND ROW(ts, status, service, node)
            IS DISTINCT FROM first_value(ROW(ts, status, service, node)) OVER (
                PARTITION BY task_id, event_id ORDER BY copy
            ) AS differs
    FROM careful
)
WHERE copy > 1
GROUP BY status, service
