-- the audit, chained by hash
-- depends: 0002_jobs

-- migrate: apply

-- What is written down and hashed, and why: docs/audit.md.

ALTER TABLE audit RENAME TO audit_unchained;
ALTER INDEX audit_pkey RENAME TO audit_unchained_pkey;

-- The end of each chain. A transaction locks one before it appends; the rows are there from the beginning.
CREATE TABLE audit_head (
    chain  integer PRIMARY KEY,
    length bigint NOT NULL,
    hash   bytea NOT NULL              -- that of row `length`; 32 zero bytes where there is none yet
);

CREATE TABLE audit (
    chain    integer NOT NULL,
    sequence bigint NOT NULL,          -- 1, 2, 3, … in each chain
    at       timestamptz NOT NULL,
    actor    text NOT NULL,
    act      text NOT NULL,
    subject  text NOT NULL,
    hash     bytea NOT NULL,
    PRIMARY KEY (chain, sequence)
);

-- All heads at one moment, signed with the key of the installation; the numbers have no gaps.
CREATE TABLE audit_checkpoint (
    number bigint PRIMARY KEY,
    signed text NOT NULL
);

-- Rows from before the chains come first in chain 0, in the order of their times. Their hashes are of today.
DO $$
DECLARE
    before      record;
    last_number bigint := 0;
    last_hash   bytea := decode(repeat('00', 32), 'hex');
BEGIN
    FOR before IN SELECT at, actor, act, subject FROM audit_unchained ORDER BY at, audit_id LOOP
        last_number := last_number + 1;
        last_hash := sha256(last_hash || int4send(0) || int8send(last_number)
                            || int8send((extract(epoch FROM before.at) * 1000000)::bigint)
                            || int4send(octet_length(before.actor)) || int4send(octet_length(before.act))
                            || int4send(octet_length(before.subject))
                            || convert_to(before.actor || before.act || before.subject, 'UTF8'));
        INSERT INTO audit (chain, sequence, at, actor, act, subject, hash)
        VALUES (0, last_number, before.at, before.actor, before.act, before.subject, last_hash);
    END LOOP;
    INSERT INTO audit_head (chain, length, hash) VALUES (0, last_number, last_hash);
END
$$;

INSERT INTO audit_head (chain, length, hash)
SELECT chain, 0, decode(repeat('00', 32), 'hex') FROM generate_series(1, 7) AS others (chain);

DROP TABLE audit_unchained;

GRANT SELECT, INSERT ON audit, audit_checkpoint TO khoso_app;
GRANT SELECT, UPDATE (length, hash) ON audit_head TO khoso_app;

-- migrate: rollback
