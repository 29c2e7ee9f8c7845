-- The stdout stream as a table: duckdb logs.db < duckdb.sql
--
-- Run where it was written: yes, by tests/packaging/test_duckdb.py. Strict: a line that is no JSON, or that has another type
-- anywhere, fails the load. What `context` holds is for each event to say (docs/reference), so it stays JSON here.

CREATE TABLE lines AS
SELECT * FROM read_json(
    'stdout.jsonl',
    format = 'newline_delimited',
    ignore_errors = false,
    columns = {
        timestamp: 'TIMESTAMP',
        level: 'VARCHAR',
        logger: 'VARCHAR',
        message: 'VARCHAR',
        context: 'JSON',
        source: 'STRUCT(file VARCHAR, line BIGINT, function VARCHAR)',
        process: 'STRUCT(id BIGINT, name VARCHAR)',
        thread: 'VARCHAR',
        service: 'STRUCT(name VARCHAR, environment VARCHAR, release VARCHAR)',
        exception: 'JSON',
        truncated: 'BOOLEAN'
    }
);
