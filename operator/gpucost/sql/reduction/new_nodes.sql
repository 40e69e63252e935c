-- Nodes of the range that have no number yet.
-- Reads: running, nodes.
SELECT DISTINCT r.node_text, r.node_type
FROM running AS r
ANTI JOIN nodes ON nodes.node_text = r.node_text AND nodes.node_type = r.node_type
