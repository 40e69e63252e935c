-- Events of tasks in doubt. Rank orders running events that nothing else tells apart; here it is open.
-- Reads: events, found.
SELECT task_id, event_id, ts, class, status, service, node, 0 AS rank
FROM events
WHERE task_id IN (SELECT task_id FROM found WHERE doubtful)
