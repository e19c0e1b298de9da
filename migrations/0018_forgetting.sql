-- photo and words of old reports are forgotten; what is forgotten is found without reading a whole table that requests fill
-- depends: 0017_forgetting_alone

-- migrate: apply

CREATE INDEX idempotency_key_to_forget ON idempotency_key (created_at);
CREATE INDEX lookup_failure_to_forget ON lookup_failure (hour);
CREATE INDEX spent_proof_to_forget ON spent_proof (expires_at);
CREATE INDEX login_attempt_to_forget ON login_attempt (begun_at);
-- Of a login that goes: the foreign keys look for what hangs on it.
CREATE INDEX authorization_code_of_login ON authorization_code (login_id);

-- A report without a note is forgotten: of what somebody wrote, scanned or photographed nothing is left.
ALTER TABLE mismatch_report
    ALTER COLUMN note DROP NOT NULL,
    DROP CONSTRAINT mismatch_report_paper_or_code,
    ADD CONSTRAINT mismatch_report_paper_or_code
         CHECK (num_nulls(result_code, type_code, issuer) IN (0, 3)
                AND (code IS NULL) = (result_code IS NOT NULL OR note IS NULL)),
    ADD CONSTRAINT mismatch_report_forgotten_with_its_photo CHECK (note IS NOT NULL OR photo IS NULL);
CREATE INDEX mismatch_report_to_forget ON mismatch_report (reported_at) WHERE note IS NOT NULL;

-- Nobody else changes a report, and there is no right to change anything else of it: so this takes no trigger.
GRANT UPDATE (note, code, photo) ON mismatch_report TO khoso_app;
CREATE POLICY forgetting ON mismatch_report FOR SELECT TO khoso_app
    USING (current_setting('khoso.duty', true) = 'forget');
CREATE POLICY forgotten ON mismatch_report FOR UPDATE TO khoso_app
    USING (current_setting('khoso.duty', true) = 'forget')
    WITH CHECK (note IS NULL);

-- migrate: rollback
