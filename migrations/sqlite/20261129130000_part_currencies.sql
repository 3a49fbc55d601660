-- Amounts that a person spends in two currencies are counted apart: a user as the member of a counter is
-- kept with the currency (usr_.../EUR) where amounts are counted. The old counters added cents to yen. They go, and each new one is counted
-- from the purchases of its window at its first use.
delete from counters where member glob 'usr_*' and member not glob '*/*';
