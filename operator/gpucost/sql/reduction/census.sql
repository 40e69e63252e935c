-- What the source holds: events by status and service, rows that can't be used, and events of the future.
-- Reads: source. Parameters: now, lo, hi (the period, as far as there is data).
SELECT
    status,
    service_name,
    count(*) FILTER (WHERE problem IS NULL AND ts <= $now) AS events,
    count(*) FILTER (WHERE problem IS NULL AND ts >= $lo AND ts < $hi) AS events_in_period,
    max(ts) FILTER (WHERE problem IS NULL AND ts <= $now) AS last_ts,
    count(*) FILTER (WHERE problem IS NULL AND ts > $now) AS future_events,
    count(*) FILTER (WHERE problem = 'NoTaskId') AS no_task_id,
    count(*) FILTER (WHERE problem = 'NoTime') AS no_time,
    count(*) FILTER (WHERE problem = 'ImpossibleTime') AS impossible_time,
    coalesce(min(impossible_text), '') AS impossible_text,
    coalesce(bool_or(naive) FILTER (WHERE problem IS NULL AND ts <= $now), FALSE) AS naive
FROM gpucost_source
GROUP BY status, service_name
