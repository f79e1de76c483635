-- Every root that carried a release: its deployment, its promotions. release.execution_id is the latest of them.
CREATE TABLE release_execution (
    execution_id TEXT PRIMARY KEY,
    release_id   TEXT NOT NULL
);
CREATE INDEX release_execution_release ON release_execution (release_id);
INSERT INTO release_execution (execution_id, release_id) SELECT execution_id, id FROM release;
