-- How many tasks ran on two nodes at once, and the one whose id comes first in the order of bytes.
-- Reads: all_moved.
SELECT count(*) AS tasks, min(task_id) AS task_id, arg_min(node, task_id) AS node, arg_min(other, task_id) AS other
FROM all_moved
