-- agencies, result types, keys, vaults, credentials, status, scans, audit
-- depends:

-- migrate: apply

-- The rules this schema keeps, so that it can be spread over many machines (docs/database.md; held by a test):
-- citizen data carry vault_id first in every key; the catalogue is small reference tables; values that are unique in the
-- whole city stand in a small table of their own, keyed by the value; ids and times come from the application.

-- ---------------------------------------------------------------- catalogue (reference tables)

CREATE TABLE agency (
    agency_code   text PRIMARY KEY,
    name_vi       text NOT NULL,
    name_en       text NOT NULL,
    level         text NOT NULL,
    parent_code   text,
    valid_from    date NOT NULL,
    valid_until   date,
    CONSTRAINT agency_code_form CHECK (agency_code ~ '^[0-9A-Z.]{1,35}$'),
    CONSTRAINT agency_level_known CHECK (level IN ('city', 'department', 'ward', 'commune', 'special_zone', 'district')),
    CONSTRAINT agency_dates_ordered CHECK (valid_until > valid_from),
    CONSTRAINT agency_parent_known FOREIGN KEY (parent_code) REFERENCES agency (agency_code)
);

CREATE TABLE agency_successor (
    agency_code    text NOT NULL REFERENCES agency (agency_code),
    successor_code text NOT NULL REFERENCES agency (agency_code),
    since          date NOT NULL,
    PRIMARY KEY (agency_code, successor_code)
);

CREATE TABLE result_type_version (
    type_code    text NOT NULL,
    version      integer NOT NULL,
    definition   jsonb NOT NULL,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (type_code, version),
    CONSTRAINT result_type_code_form CHECK (type_code ~ '^KQ\.[0-9A-Z.]{1,35}\.[0-9]{6}$'),
    CONSTRAINT result_type_version_positive CHECK (version > 0)
);

CREATE TABLE issuing_right (
    agency_code text NOT NULL REFERENCES agency (agency_code),
    type_code   text NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_until timestamptz,
    PRIMARY KEY (agency_code, type_code)
);

CREATE TABLE signing_key (
    kid            bytea PRIMARY KEY,
    agency_code    text NOT NULL REFERENCES agency (agency_code),
    public_key     bytea NOT NULL,
    state          text NOT NULL,
    valid_from     timestamptz NOT NULL,
    valid_until    timestamptz,
    compromised_at timestamptz,
    CONSTRAINT signing_key_kid_length CHECK (octet_length(kid) = 8),
    CONSTRAINT signing_key_state_known CHECK (state IN ('pre_active', 'active', 'retired', 'compromised')),
    CONSTRAINT signing_key_compromise_dated CHECK ((state = 'compromised') = (compromised_at IS NOT NULL))
);
CREATE UNIQUE INDEX signing_key_one_active ON signing_key (agency_code) WHERE state = 'active';

-- One row that every change of the catalogue raises: workers poll it and load the new catalogue.
CREATE TABLE catalogue_version (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    version   bigint NOT NULL
);
INSERT INTO catalogue_version (version) VALUES (0);

-- ---------------------------------------------------------------- vaults (citizen data, spread by vault_id)

CREATE TABLE vault (
    vault_id   uuid PRIMARY KEY,
    created_at timestamptz NOT NULL
);

CREATE TABLE credential (
    vault_id           uuid NOT NULL REFERENCES vault (vault_id),
    credential_id      uuid NOT NULL,
    result_code        text NOT NULL,
    type_code          text NOT NULL,
    type_version       integer NOT NULL,
    agency_code        text NOT NULL,
    dossier_code       text NOT NULL,
    holder_name        text NOT NULL,
    fields             jsonb NOT NULL,
    issued_at          timestamptz NOT NULL,
    valid_from         timestamptz NOT NULL,
    expires_at         timestamptz,
    evidence_level     smallint NOT NULL,
    list_id            integer NOT NULL,
    status_index       integer NOT NULL,
    signed             bytea NOT NULL,
    lookup_secret      text NOT NULL,
    search_text        text NOT NULL,
    status             smallint NOT NULL,
    status_since       timestamptz NOT NULL,
    PRIMARY KEY (vault_id, credential_id),
    CONSTRAINT credential_dates_ordered CHECK (expires_at > valid_from),
    CONSTRAINT credential_status_known CHECK (status BETWEEN 0 AND 3)
);

-- Checks by authenticated inspectors: the holder sees them. Anonymous checks leave only scan_count.
CREATE TABLE scan (
    vault_id      uuid NOT NULL REFERENCES vault (vault_id),
    scan_id       uuid NOT NULL,
    result_code   text NOT NULL,
    scanned_at    timestamptz NOT NULL,
    inspector     text NOT NULL,
    agency_code   text,
    outcome       text NOT NULL,
    reason        text NOT NULL,
    PRIMARY KEY (vault_id, scan_id)
);
CREATE INDEX scan_newest ON scan (vault_id, scanned_at DESC, scan_id DESC);

-- ---------------------------------------------------------------- values unique in the whole city

CREATE TABLE holder (
    holder_key bytea PRIMARY KEY,       -- HMAC of the personal or tax id: the id itself is not a look-up key
    vault_id   uuid NOT NULL
);

CREATE TABLE result_code (
    result_code   text PRIMARY KEY,
    vault_id      uuid NOT NULL,
    credential_id uuid NOT NULL,
    agency_code   text NOT NULL
);

CREATE TABLE dossier_result (
    dossier_code text PRIMARY KEY,
    results      integer NOT NULL       -- number of the last result taken in the dossier
);

CREATE TABLE idempotency_key (
    client          text NOT NULL,
    idempotency_key text NOT NULL,
    request_hash    bytea NOT NULL,
    vault_id        uuid NOT NULL,
    credential_id   uuid NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (client, idempotency_key)
);

-- Wrong secrets typed for one result code in one hour; a conditional update holds the limit.
CREATE TABLE lookup_failure (
    result_code text NOT NULL,
    hour        timestamptz NOT NULL,
    failures    integer NOT NULL,
    PRIMARY KEY (result_code, hour)
);

-- ---------------------------------------------------------------- status

-- Indexes are handed out by a secret permutation of 0 … 2^17-1, so they look random and never collide: `taken` counts
-- them, `seed` is the permutation's key. `version` rises with every change; its row lock orders the changes of a list.
CREATE TABLE status_list (
    list_id integer PRIMARY KEY,
    seed    bytea NOT NULL,
    taken   integer NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT status_list_not_overfull CHECK (taken BETWEEN 0 AND 131072)
);

CREATE TABLE status_entry (
    list_id       integer NOT NULL,
    status_index  integer NOT NULL,
    status        smallint NOT NULL,
    list_version  bigint NOT NULL,
    signed_hash   bytea NOT NULL,       -- SHA-256 of the exact bytes that were signed
    vault_id      uuid NOT NULL,
    credential_id uuid NOT NULL,
    PRIMARY KEY (list_id, status_index),
    CONSTRAINT status_entry_index_range CHECK (status_index BETWEEN 0 AND 131071),
    CONSTRAINT status_entry_status_known CHECK (status BETWEEN 0 AND 3)
);
CREATE INDEX status_entry_changes ON status_entry (list_id, list_version);

-- Every change of a status is an act of somebody, for a reason; the row is never changed.
CREATE TABLE status_act (
    vault_id        uuid NOT NULL,
    act_id          uuid NOT NULL,
    credential_id   uuid NOT NULL,
    act             text NOT NULL,
    reason_code     text NOT NULL,
    decision_number text NOT NULL,
    actor           text NOT NULL,
    acted_at        timestamptz NOT NULL,
    superseded_by   text,
    PRIMARY KEY (vault_id, act_id),
    FOREIGN KEY (vault_id, credential_id) REFERENCES credential (vault_id, credential_id),
    CONSTRAINT status_act_known CHECK (act IN ('revoke', 'suspend', 'restore', 'supersede')),
    CONSTRAINT status_act_successor CHECK ((act = 'supersede') = (superseded_by IS NOT NULL))
);

-- ---------------------------------------------------------------- counts, events, audit (local tables)

CREATE TABLE scan_count (
    hour      timestamptz NOT NULL,
    type_code text NOT NULL,            -- '' where the code did not tell, or could not be believed
    outcome   text NOT NULL,
    reason    text NOT NULL,
    scans     bigint NOT NULL,
    PRIMARY KEY (hour, type_code, outcome, reason)
);

CREATE TABLE outbox (
    event_id      uuid PRIMARY KEY,
    kind          text NOT NULL,
    vault_id      uuid NOT NULL,
    credential_id uuid NOT NULL,
    created_at    timestamptz NOT NULL,
    delivered_at  timestamptz
);

CREATE TABLE audit (
    audit_id uuid PRIMARY KEY,
    at       timestamptz NOT NULL,
    actor    text NOT NULL,
    act      text NOT NULL,
    subject  text NOT NULL
);

-- ---------------------------------------------------------------- bulk imports (local tables)

CREATE TABLE import_job (
    import_id       uuid PRIMARY KEY,
    agency_code     text NOT NULL,
    client          text NOT NULL,
    idempotency_key text NOT NULL,
    request_hash    bytea NOT NULL,
    type_code       text NOT NULL,
    file_format     text NOT NULL,
    issue_valid     boolean NOT NULL,
    state           text NOT NULL,
    rows_checked    integer NOT NULL,
    rows_total      integer,
    rows_invalid    integer NOT NULL,
    rows_issued     integer NOT NULL,
    last_row        integer NOT NULL,   -- rows up to this one are done; taking the next ones is what locks the job
    created_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    CONSTRAINT import_job_key_unique UNIQUE (client, idempotency_key),
    CONSTRAINT import_job_state_known CHECK (state IN ('validating', 'rejected', 'issuing', 'finished')),
    CONSTRAINT import_job_end_dated CHECK ((state IN ('rejected', 'finished')) = (finished_at IS NOT NULL)),
    CONSTRAINT import_job_rejected_whole CHECK (state <> 'rejected' OR rows_issued = 0),
    CONSTRAINT import_job_format_known CHECK (file_format IN ('csv', 'xlsx', 'ndjson'))
);

-- The uploaded file, in pieces; deleted when the job has ended.
CREATE TABLE import_file (
    import_id uuid NOT NULL REFERENCES import_job (import_id),
    piece     integer NOT NULL,
    content   bytea NOT NULL,
    PRIMARY KEY (import_id, piece)
);

CREATE TABLE import_error (
    import_id   uuid NOT NULL REFERENCES import_job (import_id),
    position    integer NOT NULL,
    row_number  integer NOT NULL,
    column_name text NOT NULL,
    code        text NOT NULL,
    message     text NOT NULL,
    PRIMARY KEY (import_id, position)
);

CREATE TABLE import_result (
    import_id   uuid NOT NULL REFERENCES import_job (import_id),
    row_number  integer NOT NULL,
    result_code text NOT NULL,
    lookup_code text NOT NULL,
    PRIMARY KEY (import_id, row_number)
);

-- ---------------------------------------------------------------- rights of the application role
-- It owns nothing. What must never change or vanish it cannot change or delete.

GRANT SELECT, INSERT ON agency, agency_successor, result_type_version, issuing_right, signing_key TO khoso_app;
GRANT UPDATE (name_vi, name_en, level, parent_code, valid_from, valid_until) ON agency TO khoso_app;
GRANT UPDATE (valid_from, valid_until) ON issuing_right TO khoso_app;
GRANT UPDATE (state, valid_until, compromised_at) ON signing_key TO khoso_app;
GRANT SELECT, UPDATE (version) ON catalogue_version TO khoso_app;
GRANT SELECT, INSERT ON vault, credential, scan, status_act, holder, result_code, status_entry, audit TO khoso_app;
GRANT UPDATE (status, status_since) ON credential TO khoso_app;
GRANT UPDATE (status, list_version) ON status_entry TO khoso_app;
GRANT SELECT, INSERT, UPDATE (taken, version) ON status_list TO khoso_app;
GRANT SELECT, INSERT, UPDATE (results) ON dossier_result TO khoso_app;
GRANT SELECT, INSERT, DELETE ON idempotency_key TO khoso_app;
GRANT SELECT, INSERT, UPDATE (failures), DELETE ON lookup_failure TO khoso_app;
GRANT SELECT, INSERT, UPDATE (scans) ON scan_count TO khoso_app;
GRANT SELECT, INSERT, UPDATE (delivered_at) ON outbox TO khoso_app;
GRANT SELECT, INSERT ON import_job TO khoso_app;
GRANT UPDATE (state, rows_checked, rows_total, rows_invalid, rows_issued, last_row, finished_at) ON import_job TO khoso_app;
GRANT SELECT, INSERT, DELETE ON import_file, import_error, import_result TO khoso_app;

-- migrate: rollback
