-- status orders: one decision on one or many results, approved, timed and carried out whole
-- depends: 0002_jobs

-- migrate: apply

-- ---------------------------------------------------------------- who issued what
-- So that "everything by this officer since then" is one range of one index: an agency's inserts go to its right edge.

ALTER TABLE result_code ADD COLUMN type_code text, ADD COLUMN issued_by text, ADD COLUMN issued_at timestamptz;

UPDATE result_code AS code
   SET type_code = issued.type_code, issued_at = issued.issued_at, issued_by = issued.issued_by
  FROM (SELECT c.result_code, c.type_code, c.issued_at, coalesce(a.actor, '') AS issued_by
          FROM credential AS c
          LEFT JOIN audit AS a ON a.act = 'issue' AND a.subject = c.result_code) AS issued
 WHERE issued.result_code = code.result_code;

ALTER TABLE result_code
    ALTER COLUMN type_code SET NOT NULL, ALTER COLUMN issued_by SET NOT NULL, ALTER COLUMN issued_at SET NOT NULL;

CREATE INDEX result_code_issued ON result_code (agency_code, issued_at);

-- ---------------------------------------------------------------- orders (local tables)
-- What was ordered never changes: the application may update how far an order has come, and nothing of what it says.

CREATE TABLE status_order (
    order_id        uuid PRIMARY KEY,
    agency_code     text NOT NULL,
    author          text NOT NULL,
    idempotency_key text,               -- null: the short form, one act on one result
    request_hash    bytea NOT NULL,
    act             text NOT NULL,
    reason_code     text NOT NULL,
    decision_number text NOT NULL,
    effective_at    timestamptz,        -- null: as soon as it may be carried out
    due_at          timestamptz NOT NULL,
    results         integer NOT NULL,
    order_hash      bytea NOT NULL,     -- over everything that is ordered, result by result: what an approval is bound to
    needs_approval  boolean NOT NULL,
    state           text NOT NULL,
    ordered_at      timestamptz NOT NULL,
    approver        text,
    approved_at     timestamptz,
    cancelled_by    text,
    cancel_reason   text,
    ended_at        timestamptz,
    faults          integer NOT NULL,   -- lines left out of a file, and results that could not be changed
    CONSTRAINT status_order_key_unique UNIQUE (author, idempotency_key),
    CONSTRAINT status_order_act_known CHECK (act IN ('revoke', 'suspend', 'restore', 'supersede')),
    CONSTRAINT status_order_state_known
        CHECK (state IN ('awaiting_approval', 'scheduled', 'carried_out', 'failed', 'cancelled')),
    CONSTRAINT status_order_not_empty CHECK (results > 0),
    CONSTRAINT status_order_second_person CHECK (approver <> author),
    CONSTRAINT status_order_approval_dated CHECK ((approver IS NULL) = (approved_at IS NULL)),
    CONSTRAINT status_order_approval_wanted CHECK (needs_approval OR approver IS NULL),
    CONSTRAINT status_order_approved_first
        CHECK (state IN ('awaiting_approval', 'cancelled') OR NOT needs_approval OR approver IS NOT NULL),
    CONSTRAINT status_order_end_dated
        CHECK ((state IN ('carried_out', 'failed', 'cancelled')) = (ended_at IS NOT NULL)),
    CONSTRAINT status_order_cancellation_explained CHECK (
        (state = 'cancelled') = (cancelled_by IS NOT NULL) AND (cancelled_by IS NULL) = (cancel_reason IS NULL))
);
CREATE INDEX status_order_newest ON status_order (agency_code, ordered_at DESC, order_id DESC);
CREATE INDEX status_order_due ON status_order (due_at) WHERE state = 'scheduled';

CREATE TABLE status_order_result (
    order_id      uuid NOT NULL REFERENCES status_order (order_id),
    position      integer NOT NULL,     -- in the order of the result codes
    result_code   text NOT NULL,
    vault_id      uuid NOT NULL,
    credential_id uuid NOT NULL,
    superseded_by text,
    successor_id  uuid,                 -- the newer result's credential, in the same vault
    PRIMARY KEY (order_id, position),
    CONSTRAINT status_order_result_successor CHECK ((superseded_by IS NULL) = (successor_id IS NULL))
);

CREATE TABLE status_order_fault (
    order_id    uuid NOT NULL REFERENCES status_order (order_id),
    position    integer NOT NULL,
    line_number integer,                -- in the file; null: found when the order was to be carried out
    result_code text NOT NULL,
    code        text NOT NULL,
    PRIMARY KEY (order_id, position)
);

-- ---------------------------------------------------------------- acts name their order
-- An act older than orders becomes an order of one that was carried out at once.

ALTER TABLE status_act ADD COLUMN order_id uuid, ADD COLUMN approver text, ADD COLUMN effective_at timestamptz;

INSERT INTO status_order (order_id, agency_code, author, request_hash, act, reason_code, decision_number, due_at, results,
                          order_hash, needs_approval, state, ordered_at, ended_at, faults)
SELECT a.act_id, c.agency_code, a.actor, '', a.act, a.reason_code, a.decision_number, a.acted_at, 1,
       '', false, 'carried_out', a.acted_at, a.acted_at, 0
  FROM status_act AS a
  JOIN credential AS c USING (vault_id, credential_id);

INSERT INTO status_order_result (order_id, position, result_code, vault_id, credential_id, superseded_by, successor_id)
SELECT a.act_id, 0, c.result_code, a.vault_id, a.credential_id, a.superseded_by, newer.credential_id
  FROM status_act AS a
  JOIN credential AS c USING (vault_id, credential_id)
  LEFT JOIN result_code AS newer ON newer.result_code = a.superseded_by;

UPDATE status_act SET order_id = act_id, effective_at = acted_at;

ALTER TABLE status_act
    ALTER COLUMN order_id SET NOT NULL, ALTER COLUMN effective_at SET NOT NULL,
    ADD CONSTRAINT status_act_second_person CHECK (approver <> actor),
    ADD CONSTRAINT status_act_not_early CHECK (acted_at >= effective_at);

GRANT SELECT, INSERT ON status_order, status_order_result, status_order_fault TO khoso_app;
GRANT UPDATE (state, approver, approved_at, cancelled_by, cancel_reason, ended_at, faults) ON status_order TO khoso_app;

-- migrate: rollback
