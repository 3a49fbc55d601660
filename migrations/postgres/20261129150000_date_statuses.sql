-- When somebody has last set the status here. A transition of the card platform from before that does not
-- override it. Null: nobody has, as of every row before this column. In the order in which a lookup reads
-- the tables, and soon or not at all: purchases would wait behind one that waits for a long reader.
set local lock_timeout = '3s';
alter table cards add column status_set_at bigint;
alter table users add column status_set_at bigint;
alter table companies add column status_set_at bigint;
