-- what is forgotten is found without reading the whole table, where every request leaves a row
-- depends: 0017_forgetting_alone

-- migrate: apply

CREATE INDEX idempotency_key_to_forget ON idempotency_key (created_at);
CREATE INDEX lookup_failure_to_forget ON lookup_failure (hour);
CREATE INDEX spent_proof_to_forget ON spent_proof (expires_at);

-- migrate: rollback
