"""Task events -> attempts -> rollup, by the SQL of sql/reduction in DuckDB. SQL knows only UTC epochs and no money."""
