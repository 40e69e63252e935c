-- RunningOnly: an attempt starts at a running event that no running event of its task precedes, and ends at the task's next
-- event of another status. Such edges, a task's last event and events in doubt are all that is kept of the ordered events;
-- among them the row before a start is the end of the task's previous attempt, and the row after it is its end, or the last
-- event of a task that still runs. A last event that follows nothing is that of a task that never ran. An attempt moved where an
-- event of its own says something else of the node than the one before.
-- Reads: ordered (rows in order). Parameters: now, stale.
SELECT
    task_id,
    ts AS started,
    CASE WHEN same_after AND class_after <> 1 THEN ts_after END AS ended,
    CASE
        WHEN NOT starts THEN 6
        WHEN same_after AND class_after = 0 THEN 1
        WHEN same_after AND class_after = 2 THEN 3
        WHEN same_after AND class_after = 3 THEN 0
        WHEN same_after AND class_after = 4 THEN 4
        WHEN $now - CASE WHEN same_after THEN ts_after ELSE ts END >= $stale THEN 5
        ELSE 2
    END AS outcome,
    service,
    node,
    same_before AND ts - edge_before <= $stale AS retry,
    starts AND same_after AND moves_after > moves AS moved,
    doubtful
FROM (
    SELECT
        *,
        coalesce(lag(task_id) OVER () = task_id, FALSE) AS same_before,
        lag(ts) OVER () AS edge_before,
        coalesce(lead(task_id) OVER () = task_id, FALSE) AS same_after,
        lead(ts) OVER () AS ts_after,
        lead(class) OVER () AS class_after,
        lead(moves) OVER () AS moves_after
    FROM (
        SELECT *, class = 1 AND class_before IS DISTINCT FROM 1 AS starts
        FROM ordered
        WHERE (class = 1) <> (class_before IS NOT DISTINCT FROM 1) OR is_last OR doubtful
    )
)
WHERE starts OR doubtful OR NOT same_before
