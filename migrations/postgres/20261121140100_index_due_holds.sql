-- What has run out is found by this, and nothing else is in it: a hold leaves it when it ends. Every
-- purchase writes to it at one of a few ends (holds live for so many whole days), which costs little. The
-- clearing that ends a hold no longer finds room for its change on the same page alone, as the state of
-- a hold is looked at here: it writes to the other indexes of holds too.
create index holds_due on holds (expires_at) where state = 'active';
