SELECT ts, tupleElement(q, 1) AS quantile, tupleElement(q, 2) AS value
FROM
(
    SELECT
        toStartOfInterval(c.timestamp, INTERVAL 1 MINUTE) AS ts,
        quantiles(0.5, 0.95, 0.99)(
            greatest(0, toUnixTimestamp64Nano(c.timestamp) - toUnixTimestamp64Nano(p.timestamp) - toInt64(p.duration_nano)) / 1e6
        ) AS qs
    FROM
    (
        SELECT trace_id, parent_span_id, timestamp
        FROM signoz_traces.distributed_signoz_index_v3
        WHERE ts_bucket_start BETWEEN {{.start_timestamp}} - 1800 AND {{.end_timestamp}}
            AND timestamp BETWEEN {{.start_datetime}} AND {{.end_datetime}}
            AND name IN ('process parking.events:vehicle.entered:parking.entries', 'process parking.events:vehicle.exited:parking.exits')
    ) AS c
    GLOBAL INNER JOIN
    (
        SELECT trace_id, span_id, timestamp, duration_nano
        FROM signoz_traces.distributed_signoz_index_v3
        WHERE ts_bucket_start BETWEEN {{.start_timestamp}} - 5400 AND {{.end_timestamp}}
            AND kind = 4
    ) AS p ON c.trace_id = p.trace_id AND c.parent_span_id = p.span_id
    GROUP BY ts
)
ARRAY JOIN arrayZip(['p50', 'p95', 'p99'], qs) AS q
ORDER BY ts
