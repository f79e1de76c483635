-- Accounts that proved to be one person, beside those of people.yaml. A code is kept as its digest only; it is said once.
CREATE TABLE link_code (
    id         TEXT   PRIMARY KEY,
    digest     TEXT   NOT NULL,
    person     TEXT   NOT NULL,
    account    TEXT   NOT NULL,
    place      TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at   BIGINT
);
-- An account has one code that can be said.
CREATE UNIQUE INDEX link_code_account ON link_code (account) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX link_code_digest ON link_code (digest);

-- Wrong codes that an account said lately.
CREATE TABLE link_try (
    account  TEXT   PRIMARY KEY,
    tries    BIGINT NOT NULL,
    since    BIGINT NOT NULL
);

CREATE TABLE account_link (
    id            TEXT   PRIMARY KEY,
    person        TEXT   NOT NULL,
    listed        TEXT   NOT NULL,
    account       TEXT   NOT NULL,
    listed_place  TEXT   NOT NULL,
    account_place TEXT   NOT NULL,
    since         BIGINT NOT NULL,
    ended_at      BIGINT
);
-- An account is one person, if any. Ended links stay: they say whose an account was.
CREATE UNIQUE INDEX account_link_account ON account_link (account) WHERE ended_at IS NULL;
