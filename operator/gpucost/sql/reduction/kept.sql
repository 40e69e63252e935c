-- Charged attempts, kept for tables of tasks and exact distributions.
-- Reads: touching.
SELECT
    CAST(task_id AS VARCHAR), started, ended, outcome, retry, service, place AS node, type, part_start, part_end, counted
FROM touching
WHERE wanted AND outcome < 4
