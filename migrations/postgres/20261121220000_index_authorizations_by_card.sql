-- The purchases of a card are what people look at first. Without an index their list walked the primary
-- key from the newest backwards: a card that was not used for a while was found after everything since.
create index authorizations_by_card on authorizations (card_id, id);
