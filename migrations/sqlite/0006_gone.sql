-- Messages of ours that somebody removed, and whose letter was posted again: what is still said or pressed about the old
-- one is about the same letter. How many there are tells one post of a letter from the next.
CREATE TABLE gone (
    message   TEXT   PRIMARY KEY,
    outbox_id TEXT   NOT NULL,
    at        BIGINT NOT NULL
);
CREATE INDEX gone_outbox ON gone (outbox_id);
-- What was done with marks under one message, in order.
CREATE INDEX inbox_lane ON inbox (lane, received_at, id);
