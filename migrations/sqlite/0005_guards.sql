-- What must never happen is refused here too, so that a fault in the program cannot write it down. A refusal's text
-- begins with `refused: `; the store takes it for a decision, not for a database that cannot be asked.

-- One row for each guarded host that an attempt may touch, by which permission: written before the attempt's own row.
CREATE TABLE clearance (
    attempt_id   TEXT NOT NULL,
    execution_id TEXT NOT NULL,
    grant_id     TEXT NOT NULL,
    app          TEXT NOT NULL,
    environment  TEXT NOT NULL,
    role         TEXT NOT NULL,
    task         TEXT NOT NULL,
    host         TEXT NOT NULL,
    digest       TEXT NOT NULL,
    PRIMARY KEY (attempt_id, environment, role, host)
);
-- How many guarded hosts it may touch: 0 for what needs no permission.
ALTER TABLE attempt ADD COLUMN guarded BIGINT NOT NULL DEFAULT 0;
CREATE INDEX gate_execution ON gate (execution_id);

-- The words for where something stands, and which may follow which. After an end's word only such a one comes: a workflow
-- that has failed may wait for what still runs. A cancel is only followed by an end; nothing is asked for twice.
CREATE TABLE status (
    name  TEXT   PRIMARY KEY,
    ended BIGINT NOT NULL
);
INSERT INTO status (name, ended) VALUES
    ('requested', 0), ('scheduled', 0), ('delayed', 0), ('running', 0), ('pending', 0), ('pausing', 0), ('paused', 0),
    ('resuming', 0), ('canceling', 0), ('canceled', 1), ('succeeded', 1), ('failed', 1), ('timeout', 1),
    ('abandoned', 1), ('unknown', 1);
CREATE TABLE status_move (
    was     TEXT NOT NULL,
    becomes TEXT NOT NULL,
    PRIMARY KEY (was, becomes)
);
INSERT INTO status_move (was, becomes)
SELECT was.name, becomes.name FROM status AS was CROSS JOIN status AS becomes
WHERE becomes.name <> 'requested' AND (was.ended = 0 OR becomes.ended = 1)
  AND (was.name <> 'canceling' OR becomes.ended = 1 OR becomes.name = 'canceling');

-- No guarded attempt without its permission: the same root, task, place and artifact, in use, and from a granted gate.
CREATE TRIGGER clearance_is_covered BEFORE INSERT ON clearance
WHEN NOT EXISTS (
    SELECT 1 FROM permission
    JOIN execution ON execution.id = NEW.execution_id
    LEFT JOIN gate ON gate.id = permission.gate_id
    WHERE permission.id = NEW.grant_id AND permission.used_at IS NOT NULL AND permission.ended_at IS NULL
      AND permission.root_id = execution.root_id AND COALESCE(execution.task, '') = NEW.task
      AND json_extract(permission.body, '$.app') = NEW.app
      AND json_extract(permission.body, '$.environment') = NEW.environment
      AND json_extract(permission.body, '$.role') = NEW.role
      AND (permission.digest = NEW.digest OR json_extract(permission.body, '$.return_to') = NEW.digest)
      AND EXISTS (
          SELECT 1 FROM json_each(permission.body, '$.pairs') AS pair
          WHERE json_extract(pair.value, '$[0]') = NEW.task AND json_extract(pair.value, '$[1]') = NEW.host)
      AND CASE WHEN permission.gate_id IS NULL THEN json_extract(permission.body, '$.basis.basis') = 'rollback'
          ELSE gate.state = 'granted' AND gate.seal = permission.seal
              AND gate.app = NEW.app AND gate.environment = NEW.environment END)
BEGIN SELECT RAISE(ABORT, 'refused: no permission in use covers this host'); END;
CREATE TRIGGER clearance_stays BEFORE UPDATE ON clearance
BEGIN SELECT RAISE(ABORT, 'refused: what was cleared stays as it was'); END;
CREATE TRIGGER clearance_is_kept BEFORE DELETE ON clearance
BEGIN SELECT RAISE(ABORT, 'refused: what was cleared is kept'); END;

CREATE TRIGGER attempt_is_cleared BEFORE INSERT ON attempt
WHEN NEW.guarded <> (SELECT COUNT(*) FROM clearance WHERE attempt_id = NEW.id AND execution_id = NEW.execution_id)
    OR (NEW.guarded = 0) <> (NEW.grant_id IS NULL)
BEGIN SELECT RAISE(ABORT, 'refused: a guarded attempt begins with a permission for each of its hosts'); END;
CREATE TRIGGER attempt_begins_once BEFORE INSERT ON attempt
WHEN NEW.status <> 'running' OR NEW.ended_at IS NOT NULL
    OR NOT EXISTS (SELECT 1 FROM execution WHERE id = NEW.execution_id AND ended_at IS NULL)
BEGIN SELECT RAISE(ABORT, 'refused: an attempt begins running, for an execution that has not ended'); END;
CREATE TRIGGER attempt_ends_once BEFORE UPDATE ON attempt
WHEN OLD.ended_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'refused: an attempt that has ended never changes'); END;
CREATE TRIGGER attempt_stays_itself BEFORE UPDATE ON attempt
WHEN NEW.id <> OLD.id OR NEW.execution_id <> OLD.execution_id OR NEW.number <> OLD.number OR NEW.fence <> OLD.fence
    OR NEW.grant_id IS NOT OLD.grant_id OR NEW.host IS NOT OLD.host OR NEW.guarded <> OLD.guarded
    OR NEW.started_at <> OLD.started_at
    OR (NEW.ended_at IS NULL) <> (NEW.status = 'running')
    OR NEW.status NOT IN (SELECT name FROM status WHERE ended = 1 UNION SELECT 'running')
BEGIN SELECT RAISE(ABORT, 'refused: of an attempt only its sign of life and its end are written'); END;
CREATE TRIGGER attempt_is_kept BEFORE DELETE ON attempt
BEGIN SELECT RAISE(ABORT, 'refused: attempts are kept'); END;

-- A permission is made by a granted gate of the same root and seal, used once, ended once.
CREATE TRIGGER permission_is_granted BEFORE INSERT ON permission
WHEN NEW.ended_at IS NOT NULL OR (NEW.gate_id IS NULL) <> (NEW.used_at IS NOT NULL)
    OR (NEW.gate_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM gate JOIN execution ON execution.id = gate.execution_id
        WHERE gate.id = NEW.gate_id AND gate.state = 'granted' AND gate.seal = NEW.seal
          AND execution.root_id = NEW.root_id))
BEGIN SELECT RAISE(ABORT, 'refused: a permission is of a gate that was granted'); END;
CREATE TRIGGER permission_goes_forward BEFORE UPDATE ON permission
WHEN OLD.ended_at IS NOT NULL OR (OLD.used_at IS NOT NULL AND NEW.used_at IS NOT OLD.used_at)
    OR NEW.id <> OLD.id OR NEW.gate_id IS NOT OLD.gate_id OR NEW.root_id <> OLD.root_id OR NEW.seal <> OLD.seal
    OR NEW.digest <> OLD.digest OR NEW.at <> OLD.at
    OR json_extract(NEW.body, '$.pairs') IS NOT json_extract(OLD.body, '$.pairs')
    OR json_extract(NEW.body, '$.environment') IS NOT json_extract(OLD.body, '$.environment')
    OR json_extract(NEW.body, '$.return_to') IS NOT json_extract(OLD.body, '$.return_to')
BEGIN SELECT RAISE(ABORT, 'refused: a permission is used once and ended once'); END;
CREATE TRIGGER permission_is_kept BEFORE DELETE ON permission
BEGIN SELECT RAISE(ABORT, 'refused: permissions are kept'); END;

CREATE TRIGGER execution_begins BEFORE INSERT ON execution
WHEN NEW.ended_at IS NOT NULL OR NOT EXISTS (SELECT 1 FROM status WHERE name = NEW.status AND ended = 0)
BEGIN SELECT RAISE(ABORT, 'refused: an execution begins unfinished'); END;
CREATE TRIGGER execution_ends_once BEFORE UPDATE ON execution
WHEN OLD.ended_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'refused: an execution that has ended never changes'); END;
CREATE TRIGGER execution_moves_forward BEFORE UPDATE ON execution
WHEN (NOT EXISTS (SELECT 1 FROM status_move WHERE was = OLD.status AND becomes = NEW.status)
        -- A row that was damaged may be ended.
        AND OLD.status IN (SELECT name FROM status))
    OR NEW.status NOT IN (SELECT name FROM status)
    OR NEW.status IN (SELECT name FROM status WHERE ended = (NEW.ended_at IS NULL))
        AND NOT (NEW.ended_at IS NULL AND NEW.runner = 'orquesta')
    OR NEW.version <> OLD.version + 1
    OR (OLD.started_at IS NOT NULL AND NEW.started_at IS NOT OLD.started_at)
BEGIN SELECT RAISE(ABORT, 'refused: that status does not follow'); END;
CREATE TRIGGER execution_stays_itself BEFORE UPDATE ON execution
WHEN NEW.id <> OLD.id OR NEW.root_id <> OLD.root_id OR NEW.parent_id IS NOT OLD.parent_id OR NEW.task IS NOT OLD.task
    OR NEW.route IS NOT OLD.route OR NEW.item IS NOT OLD.item OR NEW.depth <> OLD.depth OR NEW.action <> OLD.action
    OR NEW.runner <> OLD.runner OR NEW.content <> OLD.content OR NEW.origin IS NOT OLD.origin
    OR NEW.parameters <> OLD.parameters OR NEW.context <> OLD.context OR NEW.created_at <> OLD.created_at
BEGIN SELECT RAISE(ABORT, 'refused: what an execution was asked to do never changes'); END;
CREATE TRIGGER execution_is_kept BEFORE DELETE ON execution
BEGIN SELECT RAISE(ABORT, 'refused: executions are kept'); END;

CREATE TRIGGER gate_decides_once BEFORE UPDATE ON gate
WHEN OLD.decided_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'refused: a decided gate never changes'); END;
CREATE TRIGGER gate_moves_forward BEFORE UPDATE ON gate
WHEN NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.number <> OLD.number OR NEW.release_id <> OLD.release_id
    OR NEW.execution_id <> OLD.execution_id OR NEW.app <> OLD.app OR NEW.environment <> OLD.environment
    OR NEW.opened_at <> OLD.opened_at
    OR (NEW.decided_at IS NULL) <> (NEW.state IN ('open', 'frozen', 'held'))
BEGIN SELECT RAISE(ABORT, 'refused: a gate keeps its place and changes one version at a time'); END;
CREATE TRIGGER gate_opens BEFORE INSERT ON gate
WHEN NEW.state = 'granted' OR (NEW.decided_at IS NULL) <> (NEW.state IN ('open', 'frozen', 'held'))
BEGIN SELECT RAISE(ABORT, 'refused: no gate is granted by being opened'); END;
CREATE TRIGGER gate_is_kept BEFORE DELETE ON gate
BEGIN SELECT RAISE(ABORT, 'refused: gates are kept'); END;

-- Written once: answers, what workflows were told, what voters were shown, looks, and who did what.
CREATE TRIGGER vote_stays BEFORE UPDATE ON vote BEGIN SELECT RAISE(ABORT, 'refused: an answer stays'); END;
CREATE TRIGGER vote_is_kept BEFORE DELETE ON vote BEGIN SELECT RAISE(ABORT, 'refused: an answer stays'); END;
CREATE TRIGGER flow_event_stays BEFORE UPDATE ON flow_event BEGIN SELECT RAISE(ABORT, 'refused: history stays'); END;
CREATE TRIGGER flow_event_is_kept BEFORE DELETE ON flow_event BEGIN SELECT RAISE(ABORT, 'refused: history stays'); END;
CREATE TRIGGER evidence_stays BEFORE UPDATE ON evidence BEGIN SELECT RAISE(ABORT, 'refused: evidence stays'); END;
CREATE TRIGGER evidence_is_kept BEFORE DELETE ON evidence BEGIN SELECT RAISE(ABORT, 'refused: evidence stays'); END;
CREATE TRIGGER look_stays BEFORE UPDATE ON look BEGIN SELECT RAISE(ABORT, 'refused: a look stays'); END;
CREATE TRIGGER look_is_kept BEFORE DELETE ON look BEGIN SELECT RAISE(ABORT, 'refused: a look stays'); END;
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'refused: the record stays'); END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'refused: the record stays'); END;
