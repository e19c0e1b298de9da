-- what inspectors report of papers that do not match what they see
-- depends: 0003_audit_chains

-- migrate: apply

CREATE TABLE mismatch_report (
    report_id       uuid PRIMARY KEY,
    reported_at     timestamptz NOT NULL,
    reporter        text NOT NULL,
    reporter_agency text NOT NULL,
    finding         text NOT NULL,
    note            text NOT NULL,
    -- What the code proved, or else the code itself.
    result_code     text,
    type_code       text,
    issuer          text,
    code            text,
    -- A plain JPEG, drawn anew from what was sent.
    photo           bytea,
    CONSTRAINT mismatch_report_finding_known CHECK (finding IN ('differs', 'altered', 'forged', 'other')),
    CONSTRAINT mismatch_report_paper_or_code
         CHECK (num_nulls(result_code, type_code, issuer) = CASE WHEN code IS NULL THEN 0 ELSE 3 END),
    CONSTRAINT mismatch_report_note_length CHECK (length(note) <= 1000),
    CONSTRAINT mismatch_report_photo_size CHECK (octet_length(photo) <= 4194304)
);
CREATE INDEX mismatch_report_by_reporter_agency ON mismatch_report (reporter_agency, reported_at);
CREATE INDEX mismatch_report_by_issuer ON mismatch_report (issuer, reported_at);

GRANT SELECT, INSERT ON mismatch_report TO khoso_app;

-- migrate: rollback
