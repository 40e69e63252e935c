-- Events in their order, each with its neighbours in its task. Unless that is settled, an event is in doubt where its place is
-- not certain: at the same instant as the one before, or with an event_id that does not rise, which may be a repetition.
-- moves counts the events so far that run on as the one before does, and say something else of the node.
-- DuckDB hands the rows of an ordered subquery to windows without an order of their own as they come, which spares a second
-- sort; the tests compare the outcome with a simulation.
-- Reads: sorted.
SELECT
    task_id,
    ts,
    class,
    service,
    node,
    CASE WHEN follows THEN ts_before END AS ts_before,
    CASE WHEN follows THEN class_before END AS class_before,
    is_last,
    count(*) FILTER (WHERE follows AND class = 1 AND node <> node_before) OVER (ROWS UNBOUNDED PRECEDING) AS moves,
    NOT settled AND follows AND (
        ts = ts_before OR coalesce(event_id <= event_id_before, (event_id IS NULL) <> (event_id_before IS NULL))
    ) AS doubtful
FROM (
    SELECT
        *,
        coalesce(lag(task_id) OVER () = task_id, FALSE) AS follows,
        lag(ts) OVER () AS ts_before,
        lag(class) OVER () AS class_before,
        lag(event_id) OVER () AS event_id_before,
        lag(node) OVER () AS node_before,
        coalesce(lead(task_id) OVER () <> task_id, TRUE) AS is_last
    FROM sorted
)
