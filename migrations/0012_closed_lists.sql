-- status lists that were closed after a restore: no index of them is handed out again
-- depends: 0007_publications

-- migrate: apply

-- Null: the list is open until all its indexes are taken.
ALTER TABLE status_list ADD COLUMN closed_at timestamptz;

GRANT UPDATE (closed_at) ON status_list TO khoso_app;

-- migrate: rollback
