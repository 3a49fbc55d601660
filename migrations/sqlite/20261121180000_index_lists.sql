-- Lists are read in pages, newest first, by the ids: each filter that may stand alone has an index that
-- ends in the id.
--
-- A limit or control of a user or card is its company's, too: company_id says whose (users and cards never
-- move).
drop index users_by_company;
create index users_by_company on users (company_id, id) where company_id is not null;
create index users_by_status on users (status, id);

drop index cards_by_user;
create index cards_by_user on cards (user_id, id);
create index cards_by_account on cards (account_id, id);
create index cards_by_status on cards (status, id);

alter table spending_limits add column company_id text;
update spending_limits set company_id = case substr(scope, 1, 4)
    when 'cmp_' then scope
    when 'usr_' then (select company_id from users where id = scope)
    when 'crd_' then (
        select u.company_id from cards as c join users as u on u.id = c.user_id where c.id = scope
    )
end;
drop index spending_limits_by_scope;
create index spending_limits_by_scope on spending_limits (scope, id);
create index spending_limits_by_kind on spending_limits (substr(scope, 1, 4), id);
create index spending_limits_by_company on spending_limits (company_id, id)
where company_id is not null;

alter table spending_controls add column company_id text;
update spending_controls set company_id = case substr(scope, 1, 4)
    when 'cmp_' then scope
    when 'usr_' then (select company_id from users where id = scope)
    when 'crd_' then (
        select u.company_id from cards as c join users as u on u.id = c.user_id where c.id = scope
    )
end;
drop index spending_controls_by_scope;
create index spending_controls_by_scope on spending_controls (scope, id);
create index spending_controls_by_kind on spending_controls (substr(scope, 1, 4), id);
create index spending_controls_by_company on spending_controls (company_id, id)
where company_id is not null;

-- Rows of authorizations lie in the order of their arrival, so the index ends in the row's number: that is
-- narrower than its id.
create index authorizations_by_card on authorizations (card_id) where card_id is not null;
create index authorizations_by_account on authorizations (account_id) where account_id is not null;

-- One side of a posting is an account, whose name is the smaller of the two.
create index postings_by_account on postings (min(debit, credit), at, source, number);
