-- Events in the order of their tasks and of section 3. An event is in doubt where this order alone does not settle it: at
-- the same instant as the one before, or with an event_id that does not rise, which may be a repetition.
-- Reads: events.
SELECT
    task_id,
    ts,
    class,
    service,
    node,
    coalesce(
        lag(task_id) OVER () = task_id AND (lag(ts) OVER () = ts OR lag(event_id) OVER () >= event_id), FALSE
    ) AS doubtful
FROM (SELECT * FROM events ORDER BY task_id, ts, event_id)
