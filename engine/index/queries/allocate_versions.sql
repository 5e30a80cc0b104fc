SELECT nextval('versions') FROM generate_series(1, $1)
