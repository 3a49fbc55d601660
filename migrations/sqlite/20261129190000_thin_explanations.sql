-- Up to which authorization, in the order of arrival (rowid), checks and stage times were taken away that are
-- older than they are kept.
create table explanations_thinned (
    id integer primary key check (id = 1),
    up_to integer not null
) strict;

insert into explanations_thinned (id, up_to) values (1, 0);
