-- When somebody has last set the status here. A transition of the card platform from before that does not
-- override it. Null: nobody has, as of every row before this column.
alter table companies add column status_set_at bigint;
alter table users add column status_set_at bigint;
alter table cards add column status_set_at bigint;
