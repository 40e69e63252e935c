-- Events by task, time and event_id: the order of section 3 but for ties and repetitions.
-- Reads: events.
SELECT *, FALSE AS settled FROM events ORDER BY task_id, ts, event_id
