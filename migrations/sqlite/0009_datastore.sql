-- Values that people and actions keep: `scope` is `system` or `user:<person>`. A secret is never here in plain:
-- `value` is then what `secret::Sealer` makes of it. The time comes when an expired row goes; it counts no more before.
CREATE TABLE datastore (
    scope      TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    value      TEXT   NOT NULL,
    secret     BIGINT NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT   NOT NULL,
    PRIMARY KEY (scope, name),
    CHECK (secret = 0 OR (secret = 1 AND value LIKE 'lk1:%'))
);
CREATE INDEX datastore_expires ON datastore (expires_at) WHERE expires_at IS NOT NULL;
