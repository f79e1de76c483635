-- How much a channel (`channel:<platform>/<workspace>/<channel>`) or a person (`person:<name>`) wants to be told.
CREATE TABLE notify (
    subject TEXT   PRIMARY KEY,
    wants   TEXT   NOT NULL,
    at      BIGINT NOT NULL
);
