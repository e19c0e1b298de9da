-- The two roles and the database of Kho Số on a PostgreSQL of your own, 15 or newer. Run by a superuser, once or again:
--
--     KHOSO_OWNER_PASSFILE=owner.pgpass KHOSO_APP_PASSFILE=app.pgpass psql --no-psqlrc -f deploy/postgres/roles.sql postgres
--
-- The passwords are read from libpq password files (host:port:database:user:password, without a colon in the password),
-- the same that KHOSO_DATABASE_OWNER_URL and KHOSO_DATABASE_URL name, so they appear in no command line and no log.

\set ON_ERROR_STOP on
\set owner_password `cut -s -d: -f5 "$KHOSO_OWNER_PASSFILE"`
\set app_password `cut -s -d: -f5 "$KHOSO_APP_PASSFILE"`

-- What the server logs of its statements would carry the passwords.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';

-- A file that is missing or holds no password ends the script here.
SELECT 1 / (length(:'owner_password') >= 16 AND length(:'app_password') >= 16)::integer AS passwords_have_16_characters;

SELECT format('CREATE ROLE %I', role)
FROM unnest(ARRAY['khoso_owner', 'khoso_app']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role)
\gexec

-- The owner makes the schema and runs only to migrate. The application owns nothing and cannot get around row security.
ALTER ROLE khoso_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'owner_password';
ALTER ROLE khoso_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'app_password';

-- On the role and not by each connection: a pooler between hands no settings on.
ALTER ROLE khoso_app SET statement_timeout = '30s';
ALTER ROLE khoso_app SET timezone = 'UTC';
ALTER ROLE khoso_app SET jit = off;

SELECT 'CREATE DATABASE khoso OWNER khoso_owner TEMPLATE template0 ENCODING ''UTF8'''
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'khoso')
\gexec

ALTER DATABASE khoso OWNER TO khoso_owner;
REVOKE ALL ON DATABASE khoso FROM PUBLIC;
GRANT CONNECT ON DATABASE khoso TO khoso_owner, khoso_app;

\connect khoso
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO khoso_app;
