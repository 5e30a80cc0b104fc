SELECT pg_notify('widthwise_swapped', $1)
