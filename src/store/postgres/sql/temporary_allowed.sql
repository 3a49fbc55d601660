-- Whether the role that asks may make the tables of a snapshot's own.
select has_database_privilege(current_database(), 'temporary')
