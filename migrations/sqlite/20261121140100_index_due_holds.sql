-- What has run out is found by this, and nothing else is in it: a hold leaves it when it ends.
create index holds_due on holds (expires_at) where state = 'active' and expires_at is not null;
