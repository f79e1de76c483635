-- The three journals: inbox (what came in), history (what happened), outbox (what goes out).
-- Columns are TEXT and BIGINT only, so that the same statements serve SQLite and PostgreSQL; instants are
-- milliseconds since the epoch and always parameters, never the database's own clock.

CREATE TABLE counter (
    name  TEXT   PRIMARY KEY,
    value BIGINT NOT NULL
);

CREATE TABLE inbox (
    id          TEXT   PRIMARY KEY,
    delivery    TEXT   NOT NULL UNIQUE,
    source      TEXT   NOT NULL,
    body        TEXT   NOT NULL,
    received_at BIGINT NOT NULL,
    done_at     BIGINT,
    tries       BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX inbox_waiting ON inbox (received_at, id) WHERE done_at IS NULL;

-- What an execution runs, by hash: an action with its workflow and entry point, as loaded.
CREATE TABLE content (
    digest TEXT PRIMARY KEY,
    body   TEXT NOT NULL
);

CREATE TABLE execution (
    id         TEXT   PRIMARY KEY,
    root_id    TEXT   NOT NULL,
    parent_id  TEXT,
    task       TEXT,
    route      BIGINT,
    item       BIGINT,
    depth      BIGINT NOT NULL,
    action     TEXT   NOT NULL,
    runner     TEXT   NOT NULL,
    content    TEXT   NOT NULL,
    origin     TEXT   UNIQUE,
    parameters TEXT   NOT NULL,
    context    TEXT   NOT NULL,
    status     TEXT   NOT NULL,
    result     TEXT,
    version    BIGINT NOT NULL,
    due_at     BIGINT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at   BIGINT
);
CREATE INDEX execution_open ON execution (created_at) WHERE ended_at IS NULL;
CREATE INDEX execution_children ON execution (parent_id, created_at);
CREATE INDEX execution_root ON execution (root_id, depth);
CREATE INDEX execution_recent ON execution (depth, created_at);

-- One try of an execution. The row stands before the effect begins.
CREATE TABLE attempt (
    id           TEXT   PRIMARY KEY,
    execution_id TEXT   NOT NULL,
    number       BIGINT NOT NULL,
    fence        BIGINT NOT NULL,
    grant_id     TEXT,
    host         TEXT,
    process      TEXT,
    status       TEXT   NOT NULL,
    result       TEXT,
    started_at   BIGINT NOT NULL,
    heartbeat_at BIGINT NOT NULL,
    deadline_at  BIGINT NOT NULL,
    ended_at     BIGINT,
    UNIQUE (execution_id, number)
);
CREATE INDEX attempt_live ON attempt (heartbeat_at) WHERE ended_at IS NULL;
-- A recorded success is final.
CREATE UNIQUE INDEX attempt_success ON attempt (execution_id) WHERE status = 'succeeded';

-- What the conductor of a workflow was told, in order: its state is these events applied.
CREATE TABLE flow_event (
    execution_id TEXT   NOT NULL,
    seq          BIGINT NOT NULL,
    body         TEXT   NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (execution_id, seq)
);

CREATE TABLE release (
    id           TEXT   PRIMARY KEY,
    number       BIGINT NOT NULL UNIQUE,
    app          TEXT   NOT NULL,
    reference    TEXT   NOT NULL,
    commit_sha   TEXT   NOT NULL,
    artifact     TEXT,
    requester    TEXT   NOT NULL,
    execution_id TEXT   NOT NULL,
    body         TEXT   NOT NULL,
    version      BIGINT NOT NULL,
    created_at   BIGINT NOT NULL
);
CREATE INDEX release_app ON release (app, number);

-- What a host was last confirmed to run.
CREATE TABLE deployment (
    app          TEXT   NOT NULL,
    environment  TEXT   NOT NULL,
    role         TEXT   NOT NULL,
    host         TEXT   NOT NULL,
    digest       TEXT,
    release_id   TEXT,
    execution_id TEXT   NOT NULL,
    person       TEXT,
    at           BIGINT NOT NULL,
    PRIMARY KEY (app, environment, host)
);

-- Which releases an environment has fully run: the last one is what a rollback returns to.
CREATE TABLE rollout (
    execution_id TEXT   PRIMARY KEY,
    app          TEXT   NOT NULL,
    environment  TEXT   NOT NULL,
    release_id   TEXT,
    digest       TEXT   NOT NULL,
    outcome      TEXT   NOT NULL,
    at           BIGINT NOT NULL
);
CREATE INDEX rollout_environment ON rollout (app, environment, at);

CREATE TABLE evidence (
    id         TEXT   PRIMARY KEY,
    release_id TEXT   NOT NULL,
    body       TEXT   NOT NULL,
    at         BIGINT NOT NULL
);

CREATE TABLE look (
    execution_id TEXT   NOT NULL,
    seq          BIGINT NOT NULL,
    body         TEXT   NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (execution_id, seq)
);

CREATE TABLE gate (
    id           TEXT   PRIMARY KEY,
    number       BIGINT NOT NULL,
    release_id   TEXT   NOT NULL,
    execution_id TEXT   NOT NULL,
    app          TEXT   NOT NULL,
    environment  TEXT   NOT NULL,
    seal         TEXT   NOT NULL,
    state        TEXT   NOT NULL,
    body         TEXT   NOT NULL,
    version      BIGINT NOT NULL,
    opened_at    BIGINT NOT NULL,
    deadline_at  BIGINT NOT NULL,
    decided_at   BIGINT
);
CREATE INDEX gate_open ON gate (deadline_at) WHERE decided_at IS NULL;
CREATE INDEX gate_number ON gate (number);

CREATE TABLE vote (
    gate_id TEXT   NOT NULL,
    ordinal BIGINT NOT NULL,
    person  TEXT   NOT NULL,
    act     TEXT   NOT NULL,
    seal    TEXT   NOT NULL,
    body    TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (gate_id, ordinal)
);

-- The permission that votes made. One per gate, used by one rollout.
CREATE TABLE permission (
    id       TEXT   PRIMARY KEY,
    gate_id  TEXT   UNIQUE,
    root_id  TEXT   NOT NULL,
    seal     TEXT   NOT NULL,
    digest   TEXT   NOT NULL,
    body     TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    used_at  BIGINT,
    ended_at BIGINT
);
CREATE INDEX permission_root ON permission (root_id);

CREATE TABLE environment_lock (
    app         TEXT   NOT NULL,
    environment TEXT   NOT NULL,
    holder      TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    fence       BIGINT NOT NULL,
    taken_at    BIGINT NOT NULL,
    PRIMARY KEY (app, environment)
);

-- One message in one place. Its words are drawn from history when it is sent, so the latest edit wins.
CREATE TABLE outbox (
    id         TEXT   PRIMARY KEY,
    subject    TEXT   NOT NULL,
    place      TEXT   NOT NULL,
    channel    TEXT   NOT NULL,
    body       TEXT   NOT NULL,
    priority   BIGINT NOT NULL,
    wanted     BIGINT NOT NULL,
    sent       BIGINT NOT NULL,
    message    TEXT,
    tries      BIGINT NOT NULL DEFAULT 0,
    error      TEXT,
    due_at     BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (subject, place)
);
CREATE INDEX outbox_waiting ON outbox (priority, created_at) WHERE sent < wanted;
CREATE INDEX outbox_message ON outbox (message);

-- Failures and whether people were told, folded by what failed.
CREATE TABLE incident (
    app       TEXT   NOT NULL,
    subject   TEXT   NOT NULL,
    print     TEXT   NOT NULL,
    times     BIGINT NOT NULL,
    first_at  BIGINT NOT NULL,
    last_at   BIGINT NOT NULL,
    ended_at  BIGINT,
    body      TEXT   NOT NULL,
    PRIMARY KEY (app, subject, first_at)
);

CREATE TABLE audit (
    seq     BIGINT PRIMARY KEY,
    at      BIGINT NOT NULL,
    actor   TEXT   NOT NULL,
    act     TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    body    TEXT   NOT NULL
);
