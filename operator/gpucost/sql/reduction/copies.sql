-- Rows that repeat an event: how many, and how many of them say something else than the event.
-- Reads: rest. Parameters: lo, hi.
SELECT
    status,
    service_name,
    count(*) FILTER (WHERE copy > 1) AS copies,
    count(*) FILTER (WHERE copy > 1 AND ts >= $lo AND ts < $hi) AS copies_in_period,
    count(*) FILTER (WHERE copy > 1 AND differs) AS different
FROM (
    SELECT
        status, service_name, ts, copy,
        ROW(ts, status, service_name, node_id, metainfo, node_type)
            <> first_value(ROW(ts, status, service_name, node_id, metainfo, node_type)) OVER (
                PARTITION BY task_id, event_id ORDER BY copy
            ) AND event_id IS NOT NULL AS differs
    FROM rest
    WHERE (task_id, event_id) IN (SELECT (task_id, event_id) FROM rest WHERE copy > 1)
        OR (event_id IS NULL AND copy > 1)
)
GROUP BY status, service_name
