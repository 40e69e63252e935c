-- The node of a running event as text: its name as JSON (in quotes), else ``id X``, else nothing. A name that is empty, no
-- text, or in metainfo that is no JSON, is no name (section 3).
CREATE OR REPLACE TEMP MACRO gpucost_name_in(metainfo) AS
    CASE WHEN json_valid(metainfo) THEN CAST(json_extract(metainfo, '$.node_name') AS VARCHAR) ELSE '' END;

CREATE OR REPLACE TEMP MACRO gpucost_node_text(name, node_id) AS
    CASE
        WHEN starts_with(name, '"') AND name <> '""' THEN name
        WHEN node_id <> '' THEN 'id ' || node_id
        ELSE ''
    END;
