-- What is done where no log is kept is told before (begun) and after. Null: it was done, as of every entry
-- before this column.
alter table audit_log add column outcome text
    constraint audit_log_outcome check (outcome in ('begun', 'failed'));
