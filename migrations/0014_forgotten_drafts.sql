-- what an ended draft asked for is forgotten: who drafted and decided what remains, and the hash of what it said
-- depends: 0010_row_level_security

-- migrate: apply

ALTER TABLE draft
    ALTER COLUMN request DROP NOT NULL,
    DROP CONSTRAINT draft_rejection_explained,
    ADD CONSTRAINT draft_forgotten_after_its_end CHECK (request IS NOT NULL OR ended_at IS NOT NULL),
    ADD CONSTRAINT draft_rejection_explained CHECK ((end_reason IS NOT NULL) = (state = 'rejected' AND request IS NOT NULL));
CREATE INDEX draft_to_forget ON draft (ended_at) WHERE request IS NOT NULL AND ended_at IS NOT NULL;

-- Whoever forgets sees only what has ended, and leaves nothing of what it said.
CREATE POLICY forgetting ON draft FOR SELECT TO khoso_app
    USING (current_setting('khoso.duty', true) = 'forget' AND ended_at IS NOT NULL);
CREATE POLICY forgotten ON draft FOR UPDATE TO khoso_app
    USING (current_setting('khoso.duty', true) = 'forget' AND ended_at IS NOT NULL)
    WITH CHECK (request IS NULL);

-- migrate: rollback
