-- Taken in the transaction of every write of a pass, before it writes. The share lock
-- makes a pass that takes over wait for this transaction, so none is half behind it.
SELECT 1 FROM realms WHERE id = $1 AND pass_token = $2 FOR SHARE
