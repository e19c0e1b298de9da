-- row-level security for rights, what ends or proves access, and reports: closed to whatever has nothing to do with them
-- depends: 0010_row_level_security 0013_reports 0014_forgotten_drafts

-- migrate: apply

DO $$
DECLARE
    closed text;
BEGIN
    FOREACH closed IN ARRAY ARRAY[
        'assignment', 'admin_invitation', 'token_cutoff', 'attempt_count', 'spent_proof', 'mismatch_report']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', closed);
        EXECUTE format('CREATE POLICY migrating ON %I TO khoso_owner USING (true) WITH CHECK (true)', closed);
    END LOOP;
END
$$;

-- ---------------------------------------------------------------- rights: who gives and ends them, and who goes by them

CREATE POLICY going_by ON assignment FOR SELECT TO khoso_app
    USING (current_setting('khoso.duty', true) IN ('identify', 'approve', 'issue', 'assign'));
CREATE POLICY assigning ON assignment FOR INSERT TO khoso_app
    WITH CHECK (current_setting('khoso.duty', true) = 'assign');
CREATE POLICY ending ON assignment FOR UPDATE TO khoso_app USING (current_setting('khoso.duty', true) = 'assign');
CREATE POLICY inviting ON admin_invitation TO khoso_app
    USING (current_setting('khoso.duty', true) = 'assign')
    WITH CHECK (current_setting('khoso.duty', true) = 'assign');

-- ---------------------------------------------------------------- access that ended, and what is counted or spent

-- Whoever sees no cut-off takes an ended token for good: so everybody sees them.
CREATE POLICY refusing ON token_cutoff FOR SELECT TO khoso_app USING (true);
CREATE POLICY ending ON token_cutoff FOR INSERT TO khoso_app
    WITH CHECK (current_setting('khoso.duty', true) IN ('identify', 'assign'));
CREATE POLICY ending_later ON token_cutoff FOR UPDATE TO khoso_app
    USING (current_setting('khoso.duty', true) IN ('identify', 'assign'));
CREATE POLICY forgotten ON token_cutoff FOR DELETE TO khoso_app USING (current_setting('khoso.duty', true) = 'forget');

DO $$
DECLARE
    closed text;
BEGIN
    FOREACH closed IN ARRAY ARRAY['attempt_count', 'spent_proof']
    LOOP
        EXECUTE format('CREATE POLICY seeing ON %I FOR SELECT TO khoso_app
                            USING (current_setting(''khoso.duty'', true) IN (''identify'', ''forget''))', closed);
        EXECUTE format('CREATE POLICY counting ON %I FOR INSERT TO khoso_app
                            WITH CHECK (current_setting(''khoso.duty'', true) = ''identify'')', closed);
        EXECUTE format('CREATE POLICY forgotten ON %I FOR DELETE TO khoso_app
                            USING (current_setting(''khoso.duty'', true) = ''forget'')', closed);
    END LOOP;
END
$$;
CREATE POLICY counting_on ON attempt_count FOR UPDATE TO khoso_app
    USING (current_setting('khoso.duty', true) = 'identify');

-- ---------------------------------------------------------------- reports: of the inspector's agency, about the issuer's paper

CREATE POLICY reporting ON mismatch_report FOR INSERT TO khoso_app
    WITH CHECK (reporter_agency = ANY (string_to_array(current_setting('khoso.agencies', true), ' ')));
CREATE POLICY reported ON mismatch_report FOR SELECT TO khoso_app
    USING (reporter_agency = ANY (string_to_array(current_setting('khoso.agencies', true), ' ')));
CREATE POLICY about_its_paper ON mismatch_report FOR SELECT TO khoso_app
    USING (issuer = ANY (string_to_array(current_setting('khoso.agencies', true), ' ')));

-- migrate: rollback
