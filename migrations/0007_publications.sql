-- what is published: the newest signed lists, shared by all machines
-- depends: 0002_jobs

-- migrate: apply

CREATE TABLE status_publication (
    list_id    integer PRIMARY KEY,
    version    bigint NOT NULL,         -- that of status_list which is in it
    recorded   integer NOT NULL,        -- how many papers were recorded in the list then
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    cwt        bytea NOT NULL,
    jwt        text NOT NULL,
    CONSTRAINT status_publication_dates_ordered CHECK (expires_at > issued_at)
);

CREATE TABLE type_publication (
    singleton boolean PRIMARY KEY CHECK (singleton),
    version   bigint NOT NULL,          -- that of the catalogue from which it was made
    issued_at timestamptz NOT NULL,
    cwt       bytea NOT NULL
);

-- Nothing that was published may vanish; what replaces it is newer, by the condition of the one statement that does it.
GRANT SELECT, INSERT, UPDATE (version, recorded, issued_at, expires_at, cwt, jwt) ON status_publication TO khoso_app;
GRANT SELECT, INSERT, UPDATE (version, issued_at, cwt) ON type_publication TO khoso_app;

-- migrate: rollback
