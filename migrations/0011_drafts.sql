-- four eyes at issuing: grounds, drafts and who approved them, delegations, and holds on who issues far above his rate
-- depends: 0007_publications

-- migrate: apply

-- ---------------------------------------------------------------- on what ground
-- A dossier, or a legal basis with the number of a decision: one of the two, always.

ALTER TABLE credential
    ALTER COLUMN dossier_code DROP NOT NULL,
    ADD COLUMN legal_basis text, ADD COLUMN decision_number text,
    ADD CONSTRAINT credential_ground_named CHECK (
        (dossier_code IS NULL) = (legal_basis IS NOT NULL) AND (legal_basis IS NULL) = (decision_number IS NULL));

-- ---------------------------------------------------------------- by whom, where it took two
ALTER TABLE result_code
    ADD COLUMN drafted_by text, ADD COLUMN on_behalf_of text,
    ADD CONSTRAINT result_code_second_person
        CHECK (drafted_by <> issued_by AND on_behalf_of <> drafted_by AND on_behalf_of <> issued_by),
    ADD CONSTRAINT result_code_delegated CHECK (on_behalf_of IS NULL OR drafted_by IS NOT NULL);

-- ---------------------------------------------------------------- drafts (local tables)
CREATE TABLE draft (
    draft_id        uuid PRIMARY KEY,
    agency_code     text NOT NULL,
    author          text NOT NULL,
    idempotency_key text NOT NULL,
    request_hash    bytea NOT NULL,     -- of the request that came with the key
    type_code       text NOT NULL,
    type_version    integer NOT NULL,
    request         text NOT NULL,      -- exactly what is asked for, as JSON
    draft_hash      bytea NOT NULL,     -- over all that is to be signed and recorded: what an approval names
    revision        integer NOT NULL,
    state           text NOT NULL,
    drafted_at      timestamptz NOT NULL,
    revised_at      timestamptz NOT NULL,
    lapses_at       timestamptz NOT NULL,
    approver        text,
    on_behalf_of    text,               -- whose delegation was used
    result_code     text,
    ended_by        text,
    end_reason      text,
    ended_at        timestamptz,
    CONSTRAINT draft_key_unique UNIQUE (author, idempotency_key),
    CONSTRAINT draft_result_unique UNIQUE (result_code),
    CONSTRAINT draft_state_known CHECK (state IN ('awaiting_approval', 'issued', 'rejected', 'withdrawn', 'lapsed')),
    CONSTRAINT draft_revision_positive CHECK (revision > 0),
    CONSTRAINT draft_second_person CHECK (approver <> author),
    CONSTRAINT draft_not_on_behalf_of_its_author CHECK (on_behalf_of <> author),
    CONSTRAINT draft_delegator_is_another CHECK (on_behalf_of <> ended_by),
    CONSTRAINT draft_issued_by_its_approver CHECK (
        (state = 'issued') = (approver IS NOT NULL) AND (approver IS NULL) = (result_code IS NULL)
        AND (approver IS NULL OR approver = ended_by)),
    CONSTRAINT draft_rejected_by_another CHECK (state <> 'rejected' OR ended_by <> author),
    CONSTRAINT draft_rejection_explained CHECK ((state = 'rejected') = (end_reason IS NOT NULL)),
    CONSTRAINT draft_withdrawn_by_its_author CHECK (state <> 'withdrawn' OR ended_by = author),
    CONSTRAINT draft_delegation_used CHECK (on_behalf_of IS NULL OR state IN ('issued', 'rejected')),
    CONSTRAINT draft_ended_by_somebody CHECK ((state IN ('awaiting_approval', 'lapsed')) = (ended_by IS NULL)),
    CONSTRAINT draft_end_dated CHECK ((state = 'awaiting_approval') = (ended_at IS NULL))
);
CREATE INDEX draft_newest ON draft (agency_code, drafted_at DESC, draft_id DESC);
CREATE INDEX draft_lapsing ON draft (lapses_at) WHERE state = 'awaiting_approval';

-- An approver lets another person approve for him, until a day.
CREATE TABLE delegation (
    delegation_id uuid PRIMARY KEY,
    agency_code   text NOT NULL,
    delegator     text NOT NULL,
    delegate      text NOT NULL,
    type_codes    text[],               -- null: every type
    made_at       timestamptz NOT NULL,
    valid_until   timestamptz NOT NULL,
    ended_by      text,
    ended_at      timestamptz,
    CONSTRAINT delegation_to_another CHECK (delegate <> delegator),
    CONSTRAINT delegation_dates_ordered CHECK (valid_until > made_at),
    CONSTRAINT delegation_end_signed CHECK ((ended_by IS NULL) = (ended_at IS NULL))
);
CREATE INDEX delegation_standing ON delegation (delegate) WHERE ended_at IS NULL;
CREATE INDEX delegation_newest ON delegation (agency_code, made_at DESC, delegation_id DESC);

-- ---------------------------------------------------------------- how fast somebody issues (local tables)
-- What is too fast, by agency; '' is the rule of an agency that has none.
CREATE TABLE issuing_rule (
    agency_code text PRIMARY KEY,
    per_hour    integer NOT NULL,       -- so many papers in an hour are never too many
    times_usual integer NOT NULL,       -- nor so many times the most of any hour in the last 28 days
    CONSTRAINT issuing_rule_positive CHECK (per_hour > 0 AND times_usual > 0)
);
INSERT INTO issuing_rule (agency_code, per_hour, times_usual) VALUES ('', 2500, 3);

-- Who issues, and whether he is held: the row is locked by every transaction in which he does, last of all.
CREATE TABLE issuing_subject (
    subject text PRIMARY KEY,
    held    boolean NOT NULL
);

CREATE TABLE issuing_hour (
    subject text NOT NULL,
    hour    timestamptz NOT NULL,
    papers  integer NOT NULL,
    cleared integer NOT NULL,           -- of these, what a second person has looked at when he released a hold
    PRIMARY KEY (subject, hour)
);

CREATE TABLE issuing_hold (
    hold_id        uuid PRIMARY KEY,
    subject        text NOT NULL,
    agency_code    text NOT NULL,
    held_at        timestamptz NOT NULL,
    papers         integer NOT NULL,    -- in the hour, when it was too many
    allowed        integer NOT NULL,
    released_by    text,
    release_reason text,
    released_at    timestamptz,
    CONSTRAINT issuing_hold_released_by_another CHECK (released_by <> subject),
    CONSTRAINT issuing_hold_release_signed CHECK (
        (released_by IS NULL) = (released_at IS NULL) AND (released_by IS NULL) = (release_reason IS NULL))
);
CREATE UNIQUE INDEX issuing_hold_once ON issuing_hold (subject) WHERE released_at IS NULL;
CREATE INDEX issuing_hold_newest ON issuing_hold (agency_code, held_at DESC);

-- An event is about a paper, or about a hold; of a hold it is told to somebody.
ALTER TABLE outbox
    ALTER COLUMN vault_id DROP NOT NULL, ALTER COLUMN credential_id DROP NOT NULL,
    ADD COLUMN hold_id uuid, ADD COLUMN recipient text,
    ADD CONSTRAINT outbox_about_one_thing CHECK (
        (hold_id IS NULL) = (vault_id IS NOT NULL) AND (vault_id IS NULL) = (credential_id IS NULL)
        AND (hold_id IS NULL) = (recipient IS NULL));

GRANT SELECT, INSERT ON draft, delegation, issuing_subject, issuing_hour, issuing_hold TO khoso_app;
GRANT UPDATE (type_version, request, draft_hash, revision, state, revised_at, lapses_at, approver, on_behalf_of, result_code,
              ended_by, end_reason, ended_at) ON draft TO khoso_app;
GRANT UPDATE (ended_by, ended_at) ON delegation TO khoso_app;
GRANT SELECT, INSERT, UPDATE (per_hour, times_usual) ON issuing_rule TO khoso_app;
GRANT UPDATE (held) ON issuing_subject TO khoso_app;
GRANT UPDATE (papers, cleared) ON issuing_hour TO khoso_app;
GRANT DELETE ON issuing_hour TO khoso_app;
GRANT UPDATE (released_by, release_reason, released_at) ON issuing_hold TO khoso_app;

-- migrate: rollback
