-- trust lists that the root has signed, publisher keys, honest sets, and the key of every paper
-- depends: 0002_jobs

-- migrate: apply

-- What the root has signed, whole: workers believe nothing else of all that stands in the catalogue's tables.
CREATE TABLE trust_list (
    version    bigint PRIMARY KEY,
    signed     bytea NOT NULL,
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT trust_list_version_positive CHECK (version > 0)
);

CREATE TABLE publisher_key (
    kid            bytea PRIMARY KEY,
    public_key     bytea NOT NULL,
    valid_from     timestamptz NOT NULL,
    valid_until    timestamptz,
    compromised_at timestamptz,
    CONSTRAINT publisher_key_kid_length CHECK (octet_length(kid) = 8)
);

-- The papers that a stolen key had honestly signed. Nothing is recorded for it any more, so there is one set and no other.
CREATE TABLE honest_set (
    digest  bytea PRIMARY KEY,          -- SHA-256 of the content
    kid     bytea NOT NULL REFERENCES signing_key (kid),
    content bytea NOT NULL,
    papers  bigint NOT NULL,
    made_at timestamptz NOT NULL,
    CONSTRAINT honest_set_one_for_each_key UNIQUE (kid)
);

-- Which key signed the paper: bytes 9 to 16 of its frame. Read only when a key was stolen, so there is no index.
ALTER TABLE status_entry ADD COLUMN kid bytea;
UPDATE status_entry
   SET kid = substring(credential.signed FROM 9 FOR 8)
  FROM credential
 WHERE credential.vault_id = status_entry.vault_id AND credential.credential_id = status_entry.credential_id;
ALTER TABLE status_entry ALTER COLUMN kid SET NOT NULL;

GRANT SELECT, INSERT ON trust_list, honest_set, publisher_key TO khoso_app;
GRANT UPDATE (valid_until, compromised_at) ON publisher_key TO khoso_app;

-- migrate: rollback
