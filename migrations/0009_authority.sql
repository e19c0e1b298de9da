-- roles, who has which of them where, the first administrator, and what inspectors see of the record
-- depends: 0002_jobs

-- migrate: apply

-- Roles are data that only a migration changes: nobody who serves requests can give a role another scope.
CREATE TABLE role (
    role    text PRIMARY KEY,
    name_vi text NOT NULL,
    name_en text NOT NULL,
    CONSTRAINT role_form CHECK (role ~ '^[a-z_]{1,40}$')
);

CREATE TABLE role_scope (
    role  text NOT NULL REFERENCES role (role),
    scope text NOT NULL,
    PRIMARY KEY (role, scope)
);

INSERT INTO role (role, name_vi, name_en) VALUES
    ('officer', 'Cán bộ cấp kết quả', 'Issuing officer'),
    ('approver', 'Người duyệt', 'Approver'),
    ('agency_admin', 'Quản trị cơ quan', 'Agency administrator'),
    ('inspector', 'Người kiểm tra', 'Inspector'),
    ('helper', 'Người hỗ trợ nộp hồ sơ', 'Filing helper'),
    ('monitor', 'Người theo dõi, giám sát', 'Monitor'),
    ('platform_admin', 'Quản trị hệ thống', 'Platform administrator');

INSERT INTO role_scope (role, scope) VALUES
    ('officer', 'credentials:issue'),
    ('officer', 'credentials:read'),
    ('officer', 'credentials:change-status'),
    ('approver', 'credentials:read'),
    ('approver', 'credentials:approve'),
    ('agency_admin', 'assignments:write'),
    ('agency_admin', 'clients:write'),
    ('agency_admin', 'monitoring:read'),
    ('inspector', 'inspect'),
    ('helper', 'dossiers:assist'),
    ('monitor', 'monitoring:read'),
    ('platform_admin', 'assignments:write'),
    ('platform_admin', 'agencies:write'),
    ('platform_admin', 'catalogue:write'),
    ('platform_admin', 'clients:write'),
    ('platform_admin', 'inspector-fields:write'),
    ('platform_admin', 'metrics:read'),
    ('platform_admin', 'monitoring:read');

-- A subject has a role in an agency and all below it, with one result type or all, for a time. A row is ended, never
-- deleted: who could do what at any moment stays to be read.
CREATE TABLE assignment (
    assignment_id uuid PRIMARY KEY,
    subject       text NOT NULL,
    role          text NOT NULL,
    agency_code   text NOT NULL,
    type_code     text,                 -- NULL: every type
    valid_from    timestamptz NOT NULL,
    valid_until   timestamptz,
    granted_by    text NOT NULL,
    granted_at    timestamptz NOT NULL,
    ended_at      timestamptz,
    ended_by      text,
    CONSTRAINT assignment_role_known FOREIGN KEY (role) REFERENCES role (role),
    CONSTRAINT assignment_agency_known FOREIGN KEY (agency_code) REFERENCES agency (agency_code),
    CONSTRAINT assignment_subject_form CHECK (subject ~ '^[!-~]{1,200}$'),
    CONSTRAINT assignment_type_form CHECK (type_code ~ '^KQ\.[0-9A-Z.]{1,35}\.[0-9]{6}$'),
    CONSTRAINT assignment_dates_ordered CHECK (valid_until > valid_from),
    CONSTRAINT assignment_by_another CHECK (granted_by <> subject),
    CONSTRAINT assignment_end_signed CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX assignment_once ON assignment (subject, role, agency_code, type_code) NULLS NOT DISTINCT
 WHERE ended_at IS NULL;
CREATE INDEX assignment_newest ON assignment (granted_at DESC, assignment_id DESC);

-- How a city gets its first administrator: a secret that is good once, for an hour, while there is no administrator.
CREATE TABLE admin_invitation (
    secret_hash bytea PRIMARY KEY,      -- SHA-256; the secret itself is printed once and kept nowhere
    agency_code text NOT NULL,
    made_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    redeemed_at timestamptz,
    redeemed_by text,
    CONSTRAINT admin_invitation_agency_known FOREIGN KEY (agency_code) REFERENCES agency (agency_code),
    CONSTRAINT admin_invitation_hash_length CHECK (octet_length(secret_hash) = 32),
    CONSTRAINT admin_invitation_dates_ordered CHECK (expires_at > made_at),
    CONSTRAINT admin_invitation_redeemed_by_somebody CHECK ((redeemed_at IS NULL) = (redeemed_by IS NULL))
);

-- Which fields of the record inspectors of an authority, and of all below it, are shown beyond what the code holds.
CREATE TABLE inspector_field (
    agency_code text NOT NULL,
    type_code   text NOT NULL,
    field_name  text NOT NULL,
    granted_at  timestamptz NOT NULL,
    granted_by  text NOT NULL,
    ended_at    timestamptz,
    ended_by    text,
    PRIMARY KEY (agency_code, type_code, field_name, granted_at),
    CONSTRAINT inspector_field_agency_known FOREIGN KEY (agency_code) REFERENCES agency (agency_code),
    CONSTRAINT inspector_field_type_form CHECK (type_code ~ '^KQ\.[0-9A-Z.]{1,35}\.[0-9]{6}$'),
    CONSTRAINT inspector_field_end_signed CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX inspector_field_once ON inspector_field (agency_code, type_code, field_name)
 WHERE ended_at IS NULL;

-- The holder sees what an inspector was shown beyond the code; NULL: nothing, in scans from before.
ALTER TABLE scan ADD COLUMN recorded_fields text[];

-- An order is seen and approved by those who reach every type in it.
ALTER TABLE status_order ADD COLUMN type_codes text[];
UPDATE status_order
   SET type_codes = ARRAY (SELECT DISTINCT type_code
                             FROM status_order_result
                             JOIN result_code USING (result_code)
                            WHERE order_id = status_order.order_id
                            ORDER BY type_code);
ALTER TABLE status_order ALTER COLUMN type_codes SET NOT NULL;

GRANT SELECT ON role, role_scope TO khoso_app;
GRANT SELECT, INSERT, UPDATE (ended_at, ended_by) ON assignment, inspector_field TO khoso_app;
GRANT SELECT, INSERT, UPDATE (redeemed_at, redeemed_by) ON admin_invitation TO khoso_app;

-- migrate: rollback
