-- Usable events up to now of a range of tasks. Tasks are independent of each other, so that ranges bound the memory.
-- Reads: source. Parameters: now, range (a condition on task_id).
SELECT * FROM gpucost_source WHERE problem IS NULL AND ts <= $now AND ($range)
