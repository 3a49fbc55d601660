-- How often a message was with a consumer and came back without a word: dropped unsettled, or its process
-- died. After so many times it is a dead letter, as at a server with a limit of deliveries. What a consumer
-- gives back untried does not count, and a message that moves on begins anew.

alter table messages add column returns integer not null default 0;
