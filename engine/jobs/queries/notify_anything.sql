-- Names no job and no state, so whoever hears it and has room looks.
SELECT pg_notify('widthwise_jobs', '')
