SELECT ts, max(ms) AS value
FROM
(
    SELECT
        toStartOfInterval(timestamp, INTERVAL 1 MINUTE) AS ts,
        quantile(0.99)(attributes_number['parking.e2e.duration_ms']) AS ms
    FROM signoz_traces.distributed_signoz_index_v3
    WHERE ts_bucket_start BETWEEN {{.start_timestamp}} - 1800 AND {{.end_timestamp}}
        AND timestamp BETWEEN {{.start_datetime}} AND {{.end_datetime}}
        AND name = 'write'
        AND mapContains(attributes_number, 'parking.e2e.duration_ms')
        AND NOT attributes_bool['parking.pending']
    GROUP BY ts
    UNION ALL
    SELECT
        toStartOfInterval(fromUnixTimestamp64Milli(unix_milli), INTERVAL 1 MINUTE) AS ts,
        max(value) * 1000 AS ms
    FROM signoz_metrics.distributed_samples_v4
    WHERE unix_milli BETWEEN {{.start_timestamp}} * 1000 AND {{.end_timestamp}} * 1000
        AND metric_name = 'parking.outbox.age'
    GROUP BY ts
)
GROUP BY ts
ORDER BY ts
