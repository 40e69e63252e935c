-- Running events, and how many of them have metainfo that holds no object.
-- Reads: running, nodes.
SELECT count(*) AS events, count(*) FILTER (WHERE starts_with(coalesce(new_text, nodes.node_text), 'unreadable ')) AS unreadable
FROM gpucost_running AS r
LEFT JOIN gpucost_nodes AS nodes ON nodes.node = r.node
