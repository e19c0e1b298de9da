-- what was written down while the database was away, and is delivered once
-- depends: 0002_jobs

-- migrate: apply

-- A batch of scans or counts may be handed over again, after a commit of which nobody heard: its receipt, inserted in the
-- same transaction, decides.
CREATE TABLE batch_receipt (
    batch_id    uuid PRIMARY KEY,
    received_at timestamptz NOT NULL
);

GRANT SELECT, INSERT, DELETE ON batch_receipt TO khoso_app;

-- migrate: rollback
