-- Events of tasks in doubt, and which copy of the event each row is. The same event_id of a task, or without it a row that
-- says the same, is one event: copy 1 is the first in the order of section 3, the others repeat it.
-- Reads: contents.
SELECT
    *,
    CASE WHEN event_id IS NULL THEN least(class, 2 + class // 4) ELSE 0 END AS tie,
    row_number() OVER (
        PARTITION BY
            task_id, event_id,
            CASE WHEN event_id IS NULL THEN ROW(ts, status, service_name, node_id, node_text, node_type) END
        ORDER BY ts, status, service_name, node_id, metainfo, node_type
    ) AS copy
FROM contents
