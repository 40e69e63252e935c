-- Tasks in which an event_id stands more than once.
-- Reads: events.
SELECT DISTINCT task_id
FROM (SELECT task_id FROM events WHERE event_id IS NOT NULL GROUP BY task_id, event_id HAVING count(*) > 1)
