-- Who has given a card or user its status (program, company or platform), and the version of the row that
-- says so: a process of the release before writes rows without it. Whoever is bound to a company ends
-- no suspension but the company's own. Null: nobody knows, as of every row before this column; its
-- suspension is taken for the program's. In the order in which a lookup reads the tables, and soon or not at
-- all: purchases would wait behind one that waits for a long reader, and it is tried again.
set local lock_timeout = '100ms';
alter table cards add column status_set_by text;
alter table users add column status_set_by text;
