-- The task database of gpucost on PostgreSQL: one row per event of a task, appended and never changed.
-- status: new, waiting, pending (queued), running, done, error*, execution_timeout, canceled (see spec.tasks.statuses).
-- metainfo: JSON; its node_name says on which node the task runs, in the event with status running.
CREATE TABLE task_history (
    event_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id      bigint      NOT NULL,
    service_name text,
    status       text        NOT NULL,
    creation_ts  timestamptz NOT NULL DEFAULT now(),
    node_id      text,
    metainfo     jsonb
);

-- Rows are appended in the order of time, so a block range index of a few hundred kilobytes finds a day of events.
CREATE INDEX task_history_creation_ts ON task_history USING brin (creation_ts);
