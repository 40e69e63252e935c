-- Events of tasks in doubt, and which copy of the event each row is. The same event_id of a task, or without it a row that
-- says the same as far as the method reads it, is one event: copy 1 is the first in the order of section 3, the others
-- repeat it.
-- Reads: all_doubts.
SELECT
    *,
    CASE WHEN event_id IS NULL THEN least(class, 2 + class // 4) ELSE 0 END AS tie,
    row_number() OVER (
        PARTITION BY task_id, event_id, CASE WHEN event_id IS NULL THEN ROW(ts, status, service, node) END
        ORDER BY ts, status, service, rank
    ) AS copy
FROM all_doubts
