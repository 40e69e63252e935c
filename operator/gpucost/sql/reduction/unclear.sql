-- Tasks in which only node_id and metainfo can tell which of two running events, on different nodes, comes first.
-- Reads: all_doubts.
SELECT DISTINCT task_id
FROM all_doubts
WHERE class = 1
GROUP BY task_id, event_id, ts, status, service
HAVING count(DISTINCT node) > 1
