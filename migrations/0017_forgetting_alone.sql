-- whoever forgets drafts changes nothing else of them, and forgets the request's hash too; policies of what is meant alone
-- depends: 0014_forgotten_drafts 0015_more_policies 0016_forgotten_challenges

-- migrate: apply

-- A hash without a secret tells whoever can guess. The key keeps its draft, and answers for it no more.
ALTER TABLE draft ALTER COLUMN request_hash DROP NOT NULL;
UPDATE draft SET request_hash = NULL WHERE request IS NULL;
ALTER TABLE draft ADD CONSTRAINT draft_forgotten_with_its_hash CHECK ((request IS NULL) = (request_hash IS NULL));
GRANT UPDATE (request_hash) ON draft TO khoso_app;

-- A policy sees what a row becomes, and not what it was.
CREATE FUNCTION draft_forgotten_alone() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    forgotten CONSTANT text[] := ARRAY['request', 'request_hash', 'end_reason'];
BEGIN
    IF to_jsonb(NEW) - forgotten <> to_jsonb(OLD) - forgotten THEN
        RAISE insufficient_privilege USING MESSAGE = 'whoever forgets a draft changes nothing else of it';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER draft_forgotten_alone BEFORE UPDATE ON draft FOR EACH ROW
    WHEN (current_setting('khoso.duty', true) = 'forget') EXECUTE FUNCTION draft_forgotten_alone();

-- A policy for all commands lets through also those to which nobody has a right: it would wait for the first grant.
DO $$
DECLARE
    meant record;
BEGIN
    FOR meant IN
        SELECT policyname, tablename, qual, with_check, command, suffix
          FROM pg_policies,
               (VALUES ('SELECT', '_see'), ('INSERT', '_new'), ('UPDATE', '_change'), ('DELETE', '_drop'))
                   AS one (command, suffix)
         WHERE schemaname = 'public' AND cmd = 'ALL' AND roles = '{khoso_app}'
           AND CASE command WHEN 'DELETE' THEN has_table_privilege('khoso_app', tablename, command)
                            ELSE has_any_column_privilege('khoso_app', tablename, command) END
    LOOP
        EXECUTE format('CREATE POLICY %I ON %I FOR %s TO khoso_app', meant.policyname || meant.suffix, meant.tablename,
                       meant.command)
            || CASE WHEN meant.command <> 'INSERT' THEN format(' USING (%s)', meant.qual) ELSE '' END
            || CASE WHEN meant.command IN ('INSERT', 'UPDATE') THEN format(' WITH CHECK (%s)', meant.with_check)
                    ELSE '' END;
    END LOOP;
    FOR meant IN SELECT policyname, tablename FROM pg_policies
                  WHERE schemaname = 'public' AND cmd = 'ALL' AND roles = '{khoso_app}'
    LOOP
        EXECUTE format('DROP POLICY %I ON %I', meant.policyname, meant.tablename);
    END LOOP;
END
$$;

-- migrate: rollback
