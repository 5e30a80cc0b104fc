DELETE FROM definitions WHERE scope = $1
