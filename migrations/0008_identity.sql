-- who asks: accounts, sessions, clients, the logins of apps, and what each was limited to
-- depends: 0002_jobs

-- migrate: apply

-- ---------------------------------------------------------------- people

-- A person as the identity provider knows him. His rights stand elsewhere, under the name `person:<account_id>`.
CREATE TABLE account (
    account_id       uuid PRIMARY KEY,
    issuer           text NOT NULL,
    provider_subject text NOT NULL,
    name             text NOT NULL,
    vault_id         uuid,              -- his own; since the first login that told his personal id well enough
    created_at       timestamptz NOT NULL,
    CONSTRAINT account_of_one_person UNIQUE (issuer, provider_subject)
);

-- A login on its way through the identity provider. The browser's cookie is the secret from which state, nonce and code
-- verifier come; here is its hash alone. Whoever takes the row has used it up.
CREATE TABLE login_attempt (
    browser_hash bytea PRIMARY KEY,
    app_request  jsonb,                 -- what an app asked for; NULL: a session of the browser
    begun_at     timestamptz NOT NULL
);

CREATE TABLE web_session (
    session_hash  bytea PRIMARY KEY,    -- SHA-256 of the cookie
    session_id    uuid NOT NULL,        -- what its owner calls it by
    account_id    uuid NOT NULL REFERENCES account (account_id),
    level         smallint NOT NULL,
    agency_code   text,                 -- the agency that he has chosen to act for
    browser       text NOT NULL,
    created_at    timestamptz NOT NULL,
    seen_at       timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    stepped_up_at timestamptz,
    CONSTRAINT web_session_named UNIQUE (session_id)
);
CREATE INDEX web_session_of_account ON web_session (account_id);

-- ---------------------------------------------------------------- clients

CREATE TABLE oauth_client (
    client_id      text PRIMARY KEY,
    kind           text NOT NULL,
    name           text NOT NULL,
    agency_code    text NOT NULL,       -- who answers for it; a system acts for it
    redirect_uris  text[] NOT NULL,     -- of an app: where its users come back to
    scopes         text[] NOT NULL,     -- of an app: the most that it may be given
    quota_per_hour integer,
    created_at     timestamptz NOT NULL,
    ended_at       timestamptz,
    CONSTRAINT oauth_client_kind_known CHECK (kind IN ('app', 'system')),
    CONSTRAINT oauth_client_quota_positive CHECK (quota_per_hour > 0),
    CONSTRAINT oauth_client_system_without_user CHECK (kind = 'app' OR (redirect_uris = '{}' AND scopes = '{}'))
);

CREATE TABLE oauth_client_key (
    client_id   text NOT NULL REFERENCES oauth_client (client_id),
    kid         text NOT NULL,
    public_key  bytea NOT NULL,
    valid_from  timestamptz NOT NULL,
    valid_until timestamptz,
    PRIMARY KEY (client_id, kid)
);

CREATE TABLE client_quota (
    client_id text NOT NULL REFERENCES oauth_client (client_id),
    hour      timestamptz NOT NULL,
    requests  integer NOT NULL,
    PRIMARY KEY (client_id, hour)
);

-- ---------------------------------------------------------------- what apps were given

CREATE TABLE app_login (
    login_id      uuid PRIMARY KEY,
    client_id     text NOT NULL REFERENCES oauth_client (client_id),
    account_id    uuid NOT NULL REFERENCES account (account_id),
    level         smallint NOT NULL,
    scopes        text[] NOT NULL,
    agency_code   text,
    key_hash      text,                 -- thumbprint of the app's DPoP key
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    ended_at      timestamptz,
    stepped_up_at timestamptz
);
CREATE INDEX app_login_of_account ON app_login (account_id);

CREATE TABLE authorization_code (
    code_hash      bytea PRIMARY KEY,
    login_id       uuid NOT NULL REFERENCES app_login (login_id),
    redirect_uri   text NOT NULL,
    code_challenge text NOT NULL,
    expires_at     timestamptz NOT NULL,
    used_at        timestamptz
);

CREATE TABLE refresh_token (
    token_hash bytea PRIMARY KEY,
    login_id   uuid NOT NULL REFERENCES app_login (login_id),
    created_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_token_of_login ON refresh_token (login_id);

-- What may be shown once: the ids of client assertions and DPoP proofs, each with its key, hashed.
CREATE TABLE spent_proof (
    proof_hash bytea PRIMARY KEY,
    expires_at timestamptz NOT NULL
);

-- ---------------------------------------------------------------- tokens that ended early

-- Access tokens of `subject`, or of the session of that name, issued before `ended_at` are refused. Workers remember the
-- rows and ask for newer versions; the row of the version orders the commits.
CREATE TABLE token_cutoff (
    subject  text PRIMARY KEY,
    ended_at timestamptz NOT NULL,
    version  bigint NOT NULL
);
CREATE TABLE token_cutoff_version (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    version   bigint NOT NULL
);
INSERT INTO token_cutoff_version (version) VALUES (0);

-- ---------------------------------------------------------------- passkeys

CREATE TABLE passkey (
    passkey_id bytea PRIMARY KEY,       -- the authenticator's credential id
    account_id uuid NOT NULL REFERENCES account (account_id),
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    name       text NOT NULL,
    created_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX passkey_of_account ON passkey (account_id);

-- The challenge of a ceremony, of one session; whoever takes the row has used it up.
CREATE TABLE passkey_challenge (
    session_name text NOT NULL,
    purpose      text NOT NULL,
    challenge    bytea NOT NULL,
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (session_name, purpose)
);

-- Tries in a span of time, of whatever may be tried only so often; a conditional update holds the limit.
CREATE TABLE attempt_count (
    subject  text NOT NULL,
    began_at timestamptz NOT NULL,
    attempts integer NOT NULL,
    PRIMARY KEY (subject, began_at)
);

-- For which acts an agency asks its people for a fresh passkey.
CREATE TABLE step_up_rule (
    agency_code text NOT NULL,
    act         text NOT NULL,
    PRIMARY KEY (agency_code, act),
    CONSTRAINT step_up_rule_act_known CHECK (act IN ('issue', 'approve', 'revoke'))
);

-- ---------------------------------------------------------------- rights of the application role

GRANT SELECT, INSERT, UPDATE (name, vault_id) ON account TO khoso_app;
GRANT SELECT, INSERT, DELETE ON login_attempt, passkey_challenge, step_up_rule TO khoso_app;
GRANT SELECT, INSERT, UPDATE (session_hash, agency_code, seen_at, stepped_up_at), DELETE ON web_session TO khoso_app;
GRANT SELECT, INSERT, UPDATE (name, redirect_uris, scopes, quota_per_hour, ended_at) ON oauth_client TO khoso_app;
GRANT SELECT, INSERT, UPDATE (valid_until) ON oauth_client_key TO khoso_app;
GRANT SELECT, INSERT, UPDATE (requests), DELETE ON client_quota TO khoso_app;
GRANT SELECT, INSERT, UPDATE (agency_code, key_hash, ended_at, stepped_up_at), DELETE ON app_login TO khoso_app;
GRANT SELECT, INSERT, UPDATE (used_at), DELETE ON authorization_code, refresh_token TO khoso_app;
GRANT SELECT, INSERT, DELETE ON spent_proof TO khoso_app;
GRANT SELECT, INSERT, UPDATE (ended_at, version), DELETE ON token_cutoff TO khoso_app;
GRANT SELECT, UPDATE (version) ON token_cutoff_version TO khoso_app;
GRANT SELECT, INSERT, UPDATE (sign_count, used_at), DELETE ON passkey TO khoso_app;
GRANT SELECT, INSERT, UPDATE (attempts), DELETE ON attempt_count TO khoso_app;

-- migrate: rollback
