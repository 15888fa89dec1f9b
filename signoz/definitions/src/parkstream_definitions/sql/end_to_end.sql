SELECT ts, tupleElement(q, 1) AS quantile, tupleElement(q, 2) AS value
FROM
(
    SELECT
        toStartOfInterval(timestamp, INTERVAL 1 MINUTE) AS ts,
        quantiles(0.5, 0.95, 0.99)(attributes_number['parking.e2e.duration_ms']) AS qs
    FROM signoz_traces.distributed_signoz_index_v3
    WHERE ts_bucket_start BETWEEN {{.start_timestamp}} - 1800 AND {{.end_timestamp}}
        AND timestamp BETWEEN {{.start_datetime}} AND {{.end_datetime}}
        AND name = 'write'
        AND mapContains(attributes_number, 'parking.e2e.duration_ms')
        AND NOT attributes_bool['parking.pending']
    GROUP BY ts
)
ARRAY JOIN arrayZip(['p50', 'p95', 'p99'], qs) AS q
ORDER BY ts
