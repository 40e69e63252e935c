-- The rest's events, numbered per task in the order of section 3.
-- Reads: rest.
SELECT
    task_id,
    ts,
    class,
    service,
    place,
    row_number() OVER task AS position,
    lag(class) OVER task AS class_before,
    ts - lag(ts) OVER task AS since_before,
    max(ts) OVER (PARTITION BY task_id) AS last_ts
FROM rest
WHERE copy = 1
WINDOW task AS (
    PARTITION BY task_id ORDER BY ts, event_id NULLS LAST, tie, status, service_name, node_id, metainfo, node_type
)
