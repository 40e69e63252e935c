-- Scheduled node counts of node pools. A row is valid from creation_ts and replaces the earlier row of the same pool and
-- time_cron; nodes_count NULL ends it. The cron's own day fields decide the day; is_weekend is checked against them.
CREATE TABLE k8s_nodes_scaling (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node_pool_name text        NOT NULL,
    nodes_count    integer,
    is_weekend     boolean,
    time_cron      text        NOT NULL,
    creation_ts    timestamptz NOT NULL DEFAULT now()
);
