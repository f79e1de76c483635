-- A rollout is recorded when it begins, with its direction: `found` (it ran there before us), `forward`, `back`. One
-- root may roll out into several environments.
CREATE TABLE rollout_of_root (
    execution_id TEXT   NOT NULL,
    app          TEXT   NOT NULL,
    environment  TEXT   NOT NULL,
    release_id   TEXT,
    digest       TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    outcome      TEXT   NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (execution_id, app, environment)
);
INSERT INTO rollout_of_root
SELECT execution_id, app, environment, release_id, digest,
       CASE WHEN release_id IS NULL THEN 'found'
            WHEN execution_id IN (SELECT id FROM execution WHERE action = 'release.rollback') THEN 'back'
            ELSE 'forward' END,
       outcome, at
FROM rollout;
DROP TABLE rollout;
ALTER TABLE rollout_of_root RENAME TO rollout;
CREATE INDEX rollout_environment ON rollout (app, environment, at);

-- A rollback has a number for people, but its artifact belongs to the release that it goes back to.
ALTER TABLE release ADD COLUMN back_to TEXT;
UPDATE rollout SET release_id = NULL WHERE kind = 'back';
UPDATE release SET back_to = artifact, artifact = NULL
WHERE execution_id IN (SELECT id FROM execution WHERE action = 'release.rollback');
