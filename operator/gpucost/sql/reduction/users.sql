-- The user of each task that has one: the smallest in the order of bytes, should there be several.
-- Reads: source.
SELECT CAST(task_id AS VARCHAR) AS task_id, min(user_id) AS user_id
FROM gpucost_source
WHERE user_id <> '' AND problem IS NULL AND ts <= $now
GROUP BY task_id
