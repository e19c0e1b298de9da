-- challenges of passkeys that nobody met are forgotten: until here the worker saw none of them
-- depends: 0010_row_level_security

-- migrate: apply

CREATE POLICY forgetting ON passkey_challenge FOR SELECT TO khoso_app
    USING (current_setting('khoso.duty', true) = 'forget');
CREATE POLICY forgotten ON passkey_challenge FOR DELETE TO khoso_app
    USING (current_setting('khoso.duty', true) = 'forget');

-- migrate: rollback
