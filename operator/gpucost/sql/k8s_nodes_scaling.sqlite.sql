-- Scheduled node counts of node pools. A row is valid from creation_ts and replaces the earlier row of the same pool and
-- time_cron; nodes_count NULL ends it. The cron's own day fields decide the day; is_weekend is checked against them.
CREATE TABLE k8s_nodes_scaling (
    id             INTEGER PRIMARY KEY,
    node_pool_name TEXT    NOT NULL,
    nodes_count    INTEGER,
    is_weekend     INTEGER,
    time_cron      TEXT    NOT NULL,
    creation_ts    TEXT    NOT NULL
);
