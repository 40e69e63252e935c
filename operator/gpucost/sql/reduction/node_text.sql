-- The node of a running event as text: its name as JSON (in quotes), else ``id X``, else nothing; ``unreadable X`` where its
-- metainfo holds no object. A name that is empty or no text is no name (section 3).
-- What DuckDB reads as the method does is read here: an object that stands there bare, with node_name at most once as a key, and
-- neither a comma before a bracket, which it would let pass, nor a key in escapes, which it would not compare. (It takes nan in any
-- case too; to look for that costs more than all the rest.) Everything else, mostly nothing, goes to a parser:
-- gpucost_read_metainfo is MetainfoReader of engine/metainfo.py.
CREATE OR REPLACE TEMP MACRO gpucost_name_in(metainfo) AS
    CASE
        WHEN metainfo = '' THEN ''
        WHEN starts_with(metainfo, '{')
            AND NOT contains(metainfo, '\u00')
            AND metainfo NOT LIKE '%"node_name"%"node_name"%'
            AND NOT regexp_matches(metainfo, ',\s*[\]}]')
            THEN coalesce(
                TRY(CAST(json_extract(metainfo, '$.node_name') AS VARCHAR)),
                CASE WHEN json_valid(metainfo) THEN '' ELSE gpucost_read_metainfo(metainfo) END
            )
        ELSE gpucost_read_metainfo(metainfo)
    END;

CREATE OR REPLACE TEMP MACRO gpucost_node_text(name, node_id) AS
    CASE
        WHEN starts_with(name, '"') AND name <> '""' THEN name
        WHEN name = 'unreadable' THEN 'unreadable ' || node_id
        WHEN node_id <> '' THEN 'id ' || node_id
        ELSE ''
    END;
