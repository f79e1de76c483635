-- Deliveries of one lane are handled one after another, lanes beside each other; one that met a fault waits until it is
-- due without holding its lane. The print tells a redelivery from another body under the same key.
ALTER TABLE inbox ADD COLUMN lane TEXT NOT NULL DEFAULT '';
ALTER TABLE inbox ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE inbox ADD COLUMN print TEXT NOT NULL DEFAULT '';
DROP INDEX inbox_waiting;
CREATE INDEX inbox_waiting ON inbox (lane, received_at, id) WHERE done_at IS NULL;
DROP INDEX outbox_waiting;
CREATE INDEX outbox_waiting ON outbox (channel, priority, created_at) WHERE sent < wanted;
