-- an import can be cancelled: what is issued stays, the rest of the file is not
-- depends: 0018_forgetting

-- migrate: apply

ALTER TABLE import_job
    DROP CONSTRAINT import_job_state_known,
    ADD CONSTRAINT import_job_state_known
        CHECK (state IN ('validating', 'rejected', 'issuing', 'finished', 'cancelled')),
    DROP CONSTRAINT import_job_end_dated,
    ADD CONSTRAINT import_job_end_dated
        CHECK ((state IN ('rejected', 'finished', 'cancelled')) = (finished_at IS NOT NULL));

-- migrate: rollback
