-- The task database of gpucost on SQLite: one row per event of a task, appended and never changed.
-- status: new, waiting, pending (queued), running, done, error*, execution_timeout, canceled (see spec.tasks.statuses).
-- creation_ts: ISO 8601 text; without an offset it is read in spec.tasks.timeZone.
-- metainfo: JSON; its node_name says on which node the task runs, in the event with status running.
CREATE TABLE task_history (
    event_id     INTEGER PRIMARY KEY,
    task_id      INTEGER NOT NULL,
    service_name TEXT,
    status       TEXT    NOT NULL,
    creation_ts  TEXT    NOT NULL,
    node_id      TEXT,
    metainfo     TEXT
);
