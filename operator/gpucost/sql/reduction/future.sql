-- Events after now, each event once.
-- Reads: source. Parameters: now.
SELECT count(*) AS events
FROM (
    SELECT DISTINCT
        task_id, event_id,
        CASE WHEN event_id IS NULL THEN ROW(ts, status, service_name, node_id, metainfo, node_type) END AS content
    FROM gpucost_source
    WHERE problem IS NULL AND ts > $now
)
