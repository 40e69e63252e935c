-- Nodes of the range that have no number yet.
-- Reads: running.
SELECT DISTINCT new_text, new_type FROM gpucost_running WHERE node IS NULL
