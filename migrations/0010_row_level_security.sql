-- row-level security: a transaction touches the rows of its vault, its agencies or its duty, and no others
-- depends: 0008_identity 0009_authority 0011_drafts

-- migrate: apply

-- What a transaction may touch it says itself, by SET LOCAL: khoso.vault, khoso.agencies (separated by spaces) and
-- khoso.duty (src/khoso/bounds.py). Where it says nothing there is nothing: a setting that was never made reads NULL, one
-- of an earlier transaction ''. Which policy lets whom do what: docs/database.md.
--
-- No policy looks into another table, but for those of local tables that belong to a row of one.

-- ---------------------------------------------------------------- acts name their agency

ALTER TABLE status_act ADD COLUMN agency_code text;
UPDATE status_act
   SET agency_code = credential.agency_code
  FROM credential
 WHERE credential.vault_id = status_act.vault_id AND credential.credential_id = status_act.credential_id;
ALTER TABLE status_act ALTER COLUMN agency_code SET NOT NULL;

-- ---------------------------------------------------------------- closed, also to the owner, but for migrations

DO $$
DECLARE
    closed text;
BEGIN
    FOREACH closed IN ARRAY ARRAY[
        'vault', 'credential', 'scan', 'status_act', 'holder', 'result_code', 'dossier_result', 'idempotency_key',
        'lookup_failure', 'status_list', 'status_entry', 'outbox', 'audit', 'status_order', 'status_order_result',
        'status_order_fault', 'import_job', 'import_file', 'import_error', 'import_result', 'account', 'login_attempt',
        'web_session', 'oauth_client', 'oauth_client_key', 'client_quota', 'app_login', 'authorization_code',
        'refresh_token', 'passkey', 'passkey_challenge', 'step_up_rule', 'draft', 'delegation', 'issuing_hold',
        'issuing_rule']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', closed);
        EXECUTE format('CREATE POLICY migrating ON %I TO khoso_owner USING (true) WITH CHECK (true)', closed);
    END LOOP;
END
$$;

-- ---------------------------------------------------------------- a holder sees what is in his vault

CREATE POLICY own ON vault FOR SELECT TO khoso_app
    USING (vault_id = NULLIF(current_setting('khoso.vault', true), '')::uuid);
CREATE POLICY own ON credential FOR SELECT TO khoso_app
    USING (vault_id = NULLIF(current_setting('khoso.vault', true), '')::uuid);
CREATE POLICY own ON result_code FOR SELECT TO khoso_app
    USING (vault_id = NULLIF(current_setting('khoso.vault', true), '')::uuid);
CREATE POLICY own ON status_act FOR SELECT TO khoso_app
    USING (vault_id = NULLIF(current_setting('khoso.vault', true), '')::uuid);
CREATE POLICY own ON scan FOR SELECT TO khoso_app
    USING (vault_id = NULLIF(current_setting('khoso.vault', true), '')::uuid);

-- ---------------------------------------------------------------- an agency sees what it issued, ordered and imports

CREATE POLICY issued ON credential FOR SELECT TO khoso_app
    USING (agency_code = ANY (string_to_array(current_setting('khoso.agencies', true), ' ')));
CREATE POLICY issued ON result_code FOR SELECT TO khoso_app
    USING (agency_code = ANY (string_to_array(current_setting('khoso.agencies', true), ' ')));
CREATE POLICY issued ON status_act FOR SELECT TO khoso_app
    USING (agency_code = ANY (string_to_array(current_setting('khoso.agencies', true), ' ')));

CREATE POLICY ordered ON status_order FOR SELECT TO khoso_app
    USING (agency_code = ANY (string_to_array(current_setting('khoso.agencies', true), ' ')));
CREATE POLICY of_order ON status_order_result FOR SELECT TO khoso_app
    USING (EXISTS (SELECT FROM status_order WHERE status_order.order_id = status_order_result.order_id));
CREATE POLICY of_order ON status_order_fault FOR SELECT TO khoso_app
    USING (EXISTS (SELECT FROM status_order WHERE status_order.order_id = status_order_fault.order_id));

CREATE POLICY imported ON import_job FOR SELECT TO khoso_app
    USING (agency_code = ANY (string_to_array(current_setting('khoso.agencies', true), ' ')));
CREATE POLICY receiving ON import_job FOR INSERT TO khoso_app
    WITH CHECK (agency_code = ANY (string_to_array(current_setting('khoso.agencies', true), ' ')));
CREATE POLICY receiving ON import_file FOR INSERT TO khoso_app
    WITH CHECK (EXISTS (SELECT FROM import_job WHERE import_job.import_id = import_file.import_id));
CREATE POLICY of_import ON import_error FOR SELECT TO khoso_app
    USING (EXISTS (SELECT FROM import_job WHERE import_job.import_id = import_error.import_id));
CREATE POLICY of_import ON import_result FOR SELECT TO khoso_app
    USING (EXISTS (SELECT FROM import_job WHERE import_job.import_id = import_result.import_id));

-- ---------------------------------------------------------------- issue: for agencies, into any vault

CREATE POLICY issuing ON holder FOR SELECT TO khoso_app USING (current_setting('khoso.duty', true) = 'issue');
CREATE POLICY issuing_new ON holder FOR INSERT TO khoso_app WITH CHECK (current_setting('khoso.duty', true) = 'issue');
CREATE POLICY issuing ON vault FOR INSERT TO khoso_app WITH CHECK (current_setting('khoso.duty', true) = 'issue');
CREATE POLICY issuing ON credential FOR INSERT TO khoso_app
    WITH CHECK (current_setting('khoso.duty', true) = 'issue'
                AND agency_code = ANY (string_to_array(current_setting('khoso.agencies', true), ' ')));
CREATE POLICY issuing ON result_code FOR INSERT TO khoso_app
    WITH CHECK (current_setting('khoso.duty', true) = 'issue'
                AND agency_code = ANY (string_to_array(current_setting('khoso.agencies', true), ' ')));
CREATE POLICY issuing ON dossier_result TO khoso_app
    USING (current_setting('khoso.duty', true) = 'issue')
    WITH CHECK (current_setting('khoso.duty', true) = 'issue');
CREATE POLICY issuing ON idempotency_key FOR SELECT TO khoso_app USING (current_setting('khoso.duty', true) = 'issue');
CREATE POLICY issuing_new ON idempotency_key FOR INSERT TO khoso_app
    WITH CHECK (current_setting('khoso.duty', true) = 'issue');
CREATE POLICY issuing ON status_list TO khoso_app
    USING (current_setting('khoso.duty', true) = 'issue')
    WITH CHECK (current_setting('khoso.duty', true) = 'issue');
CREATE POLICY issuing ON status_entry FOR INSERT TO khoso_app
    WITH CHECK (current_setting('khoso.duty', true) = 'issue');
CREATE POLICY issuing ON outbox FOR INSERT TO khoso_app WITH CHECK (current_setting('khoso.duty', true) = 'issue');

-- An import's rows are issued by the same duty.
CREATE POLICY issuing ON import_job FOR UPDATE TO khoso_app
    USING (current_setting('khoso.duty', true) = 'issue'
           AND agency_code = ANY (string_to_array(current_setting('khoso.agencies', true), ' ')));
CREATE POLICY issuing ON import_file FOR SELECT TO khoso_app
    USING (current_setting('khoso.duty', true) = 'issue'
           AND EXISTS (SELECT FROM import_job WHERE import_job.import_id = import_file.import_id));
CREATE POLICY issued ON import_file FOR DELETE TO khoso_app
    USING (current_setting('khoso.duty', true) = 'issue'
           AND EXISTS (SELECT FROM import_job WHERE import_job.import_id = import_file.import_id));
CREATE POLICY issuing ON import_error FOR INSERT TO khoso_app
    WITH CHECK (current_setting('khoso.duty', true) = 'issue'
                AND EXISTS (SELECT FROM import_job WHERE import_job.import_id = import_error.import_id));
CREATE POLICY issuing ON import_result FOR INSERT TO khoso_app
    WITH CHECK (current_setting('khoso.duty', true) = 'issue'
                AND EXISTS (SELECT FROM import_job WHERE import_job.import_id = import_result.import_id));

-- ---------------------------------------------------------------- approve: drafts and holds, for the second person

-- An approval is decided by rights that were delegated, too, so it is not the agencies that tell what may be looked at.
CREATE POLICY approving ON draft TO khoso_app
    USING (current_setting('khoso.duty', true) = 'approve')
    WITH CHECK (current_setting('khoso.duty', true) = 'approve');
CREATE POLICY issuing ON draft FOR SELECT TO khoso_app
    USING (current_setting('khoso.duty', true) = 'issue'
           AND agency_code = ANY (string_to_array(current_setting('khoso.agencies', true), ' ')));
CREATE POLICY issued ON draft FOR UPDATE TO khoso_app
    USING (current_setting('khoso.duty', true) = 'issue'
           AND agency_code = ANY (string_to_array(current_setting('khoso.agencies', true), ' ')));
CREATE POLICY approving ON delegation TO khoso_app
    USING (current_setting('khoso.duty', true) = 'approve')
    WITH CHECK (current_setting('khoso.duty', true) = 'approve');
CREATE POLICY issuing ON delegation FOR SELECT TO khoso_app USING (current_setting('khoso.duty', true) = 'issue');
-- It stands until the paper is issued: to lock a row is to be allowed to update it, and to nothing.
CREATE POLICY locking ON delegation FOR UPDATE TO khoso_app
    USING (current_setting('khoso.duty', true) = 'issue')
    WITH CHECK (false);
CREATE POLICY holding ON issuing_hold FOR INSERT TO khoso_app
    WITH CHECK (current_setting('khoso.duty', true) = 'issue'
                AND agency_code = ANY (string_to_array(current_setting('khoso.agencies', true), ' ')));
CREATE POLICY approving ON issuing_hold FOR SELECT TO khoso_app
    USING (current_setting('khoso.duty', true) = 'approve');
CREATE POLICY releasing ON issuing_hold FOR UPDATE TO khoso_app
    USING (current_setting('khoso.duty', true) = 'approve');

-- No secret, and the rule of all agencies is among them.
CREATE POLICY ruling ON issuing_rule TO khoso_app USING (true) WITH CHECK (true);

-- ---------------------------------------------------------------- order: what agencies issued changes its status

CREATE POLICY ordering ON status_order FOR INSERT TO khoso_app
    WITH CHECK (current_setting('khoso.duty', true) = 'order'
                AND agency_code = ANY (string_to_array(current_setting('khoso.agencies', true), ' ')));
CREATE POLICY going_on ON status_order FOR UPDATE TO khoso_app
    USING (current_setting('khoso.duty', true) = 'order'
           AND agency_code = ANY (string_to_array(current_setting('khoso.agencies', true), ' ')));
CREATE POLICY ordering ON status_order_result FOR INSERT TO khoso_app
    WITH CHECK (current_setting('khoso.duty', true) = 'order'
                AND EXISTS (SELECT FROM status_order WHERE status_order.order_id = status_order_result.order_id));
CREATE POLICY ordering ON status_order_fault FOR INSERT TO khoso_app
    WITH CHECK (current_setting('khoso.duty', true) = 'order'
                AND EXISTS (SELECT FROM status_order WHERE status_order.order_id = status_order_fault.order_id));
CREATE POLICY ordering ON credential FOR UPDATE TO khoso_app
    USING (current_setting('khoso.duty', true) = 'order'
           AND agency_code = ANY (string_to_array(current_setting('khoso.agencies', true), ' ')));
CREATE POLICY ordering ON status_act FOR INSERT TO khoso_app
    WITH CHECK (current_setting('khoso.duty', true) = 'order'
                AND agency_code = ANY (string_to_array(current_setting('khoso.agencies', true), ' ')));
CREATE POLICY ordering ON outbox FOR INSERT TO khoso_app WITH CHECK (current_setting('khoso.duty', true) = 'order');
CREATE POLICY ordering ON status_list FOR SELECT TO khoso_app USING (current_setting('khoso.duty', true) = 'order');
CREATE POLICY ordering_change ON status_list FOR UPDATE TO khoso_app
    USING (current_setting('khoso.duty', true) = 'order');
CREATE POLICY ordering ON status_entry FOR SELECT TO khoso_app USING (current_setting('khoso.duty', true) = 'order');
CREATE POLICY ordering_change ON status_entry FOR UPDATE TO khoso_app
    USING (current_setting('khoso.duty', true) = 'order');

-- ---------------------------------------------------------------- identify: who is asking, and by which secrets

DO $$
DECLARE
    closed text;
BEGIN
    FOREACH closed IN ARRAY ARRAY[
        'account', 'login_attempt', 'web_session', 'oauth_client', 'oauth_client_key', 'client_quota', 'app_login',
        'authorization_code', 'refresh_token', 'passkey', 'passkey_challenge', 'step_up_rule']
    LOOP
        EXECUTE format('CREATE POLICY identifying ON %I TO khoso_app
                            USING (current_setting(''khoso.duty'', true) = ''identify'')
                            WITH CHECK (current_setting(''khoso.duty'', true) = ''identify'')', closed);
    END LOOP;
    FOREACH closed IN ARRAY ARRAY[
        'login_attempt', 'web_session', 'client_quota', 'app_login', 'authorization_code', 'refresh_token']
    LOOP
        EXECUTE format('CREATE POLICY forgetting ON %I FOR SELECT TO khoso_app
                            USING (current_setting(''khoso.duty'', true) = ''forget'')', closed);
        EXECUTE format('CREATE POLICY forgotten ON %I FOR DELETE TO khoso_app
                            USING (current_setting(''khoso.duty'', true) = ''forget'')', closed);
    END LOOP;
END
$$;

-- ---------------------------------------------------------------- recover: after a restore, by an operator's command

DO $$
DECLARE
    recovered record;
BEGIN
    FOR recovered IN
        SELECT * FROM (VALUES ('credential', 'SELECT'), ('credential', 'UPDATE'), ('result_code', 'SELECT'),
                              ('status_act', 'SELECT'), ('status_act', 'INSERT'), ('status_order', 'SELECT'),
                              ('status_order', 'INSERT'), ('status_order', 'UPDATE'), ('status_order_result', 'INSERT'),
                              ('outbox', 'INSERT'), ('status_list', 'SELECT'), ('status_list', 'INSERT'),
                              ('status_list', 'UPDATE'), ('status_entry', 'SELECT'), ('status_entry', 'UPDATE'))
                      AS needed (name, command)
    LOOP
        EXECUTE format('CREATE POLICY %I ON %I FOR %s TO khoso_app %s (current_setting(''khoso.duty'', true) = ''recover'')',
                       'recovering_' || lower(recovered.command), recovered.name, recovered.command,
                       CASE recovered.command WHEN 'INSERT' THEN 'WITH CHECK' ELSE 'USING' END);
    END LOOP;
END
$$;

-- ---------------------------------------------------------------- the other duties

CREATE POLICY following ON status_list FOR SELECT TO khoso_app
    USING (current_setting('khoso.duty', true) IN ('follow', 'publish', 'custody', 'demo'));
CREATE POLICY following ON status_entry FOR SELECT TO khoso_app
    USING (current_setting('khoso.duty', true) IN ('follow', 'publish', 'custody', 'verify', 'deliver'));
CREATE POLICY explaining ON status_act FOR SELECT TO khoso_app
    USING (current_setting('khoso.duty', true) IN ('publish', 'verify'));
CREATE POLICY writing_down ON scan FOR INSERT TO khoso_app
    WITH CHECK (current_setting('khoso.duty', true) IN ('verify', 'deliver'));
CREATE POLICY finding ON credential FOR SELECT TO khoso_app
    USING (current_setting('khoso.duty', true) IN ('lookup', 'deliver', 'verify'));
CREATE POLICY finding ON result_code FOR SELECT TO khoso_app
    USING (current_setting('khoso.duty', true) IN ('lookup', 'due', 'demo'));
CREATE POLICY counting ON lookup_failure FOR SELECT TO khoso_app USING (current_setting('khoso.duty', true) = 'lookup');
CREATE POLICY counting_first ON lookup_failure FOR INSERT TO khoso_app
    WITH CHECK (current_setting('khoso.duty', true) = 'lookup');
CREATE POLICY counting_on ON lookup_failure FOR UPDATE TO khoso_app
    USING (current_setting('khoso.duty', true) = 'lookup');

CREATE POLICY due ON status_order FOR SELECT TO khoso_app
    USING (current_setting('khoso.duty', true) = 'due' AND state = 'scheduled');
CREATE POLICY unfinished ON import_job FOR SELECT TO khoso_app
    USING (current_setting('khoso.duty', true) = 'import' AND finished_at IS NULL);

CREATE POLICY forgetting ON idempotency_key FOR SELECT TO khoso_app
    USING (current_setting('khoso.duty', true) = 'forget');
CREATE POLICY forgotten ON idempotency_key FOR DELETE TO khoso_app
    USING (current_setting('khoso.duty', true) = 'forget');
CREATE POLICY forgetting ON lookup_failure FOR SELECT TO khoso_app
    USING (current_setting('khoso.duty', true) = 'forget');
CREATE POLICY forgotten ON lookup_failure FOR DELETE TO khoso_app
    USING (current_setting('khoso.duty', true) = 'forget');

-- Whoever does something writes it down; only the check of the audit reads it.
CREATE POLICY appending ON audit FOR INSERT TO khoso_app WITH CHECK (true);
CREATE POLICY auditing ON audit FOR SELECT TO khoso_app USING (current_setting('khoso.duty', true) = 'audit');

-- migrate: rollback
