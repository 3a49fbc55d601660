-- Lists are read in pages, newest first, by the ids: each filter that may stand alone has an index that
-- ends in the id.
--
-- A limit or control of a user or card is its company's, too: company_id says whose (users and cards never
-- move). What the release before this one adds has none, and is missing from a company's own list until it
-- is written again; it binds all the same.
drop index users_by_company;
create index users_by_company on users (company_id, id);
create index users_by_status on users (status, id);

drop index cards_by_user;
create index cards_by_user on cards (user_id, id);
create index cards_by_account on cards (account_id, id);
create index cards_by_status on cards (status, id);

alter table spending_limits add column company_id uuid;
update spending_limits as l set company_id = case l.scope_kind
    when 'company' then l.scope
    when 'user' then (select company_id from users where id = l.scope)
    when 'card' then (
        select u.company_id from cards as c join users as u on u.id = c.user_id where c.id = l.scope
    )
end;
drop index spending_limits_by_scope;
create index spending_limits_by_scope on spending_limits (scope, id);
create index spending_limits_by_kind on spending_limits (scope_kind, id);
create index spending_limits_by_company on spending_limits (company_id, id)
where company_id is not null;

alter table spending_controls add column company_id uuid;
update spending_controls as l set company_id = case l.scope_kind
    when 'company' then l.scope
    when 'user' then (select company_id from users where id = l.scope)
    when 'card' then (
        select u.company_id from cards as c join users as u on u.id = c.user_id where c.id = l.scope
    )
end;
drop index spending_controls_by_scope;
create index spending_controls_by_scope on spending_controls (scope, id);
create index spending_controls_by_kind on spending_controls (scope_kind, id);
create index spending_controls_by_company on spending_controls (company_id, id)
where company_id is not null;

-- Authorizations have no index by card or account: every purchase would pay for it, and go above 2 KB of
-- WAL. Their lists walk the primary key, which is in order of time, from the newest backwards.

-- One side of a posting is an account, the other a small number.
create index postings_by_account on postings (greatest(debit, credit), at, source, number);
