SELECT
    multiIf(
        queue = most, 'queue',
        record = most, 'record',
        project = most, 'project',
        outbox = most, 'outbox',
        deliver = most, 'deliver',
        'publish'
    ) AS `slowest stage`,
    total AS `total`,
    queue AS `queue`,
    record AS `record`,
    project AS `project`,
    outbox AS `outbox`,
    deliver AS `deliver`,
    written AS `of it: write`,
    publish AS `publish`,
    outcome AS `outcome`,
    visit AS `visit`,
    trace_id AS `trace`
FROM
(
    SELECT
        trace_id,
        anyIf(attributes_string['parking.visit.id'], name = 'write') AS visit,
        anyIf(attributes_string['parking.outcome'], name = 'write') AS outcome,
        maxIf(attributes_number['parking.e2e.duration_ms'], name = 'write') AS total,
        sumIf(duration_nano, kind = 4) / 1e6 AS publish,
        if(countIf(kind = 4) = 0, 0, greatest(0, minIf(began, recorded) - maxIf(ended, kind = 4)) / 1e6) AS queue,
        sumIf(duration_nano, recorded) / 1e6 AS record,
        sumIf(duration_nano, name = 'project') / 1e6 AS project,
        greatest(0, minIf(began, name = 'deliver') - maxIf(ended, name = 'project')) / 1e6 AS outbox,
        (maxIf(ended, name = 'deliver') - minIf(began, name = 'deliver')) / 1e6 AS deliver,
        sumIf(duration_nano, name = 'write') / 1e6 AS written,
        greatest(publish, queue, record, project, outbox, deliver) AS most
    FROM
    (
        SELECT
            trace_id, name, kind, duration_nano, attributes_string, attributes_number,
            toUnixTimestamp64Nano(timestamp) AS began,
            began + toInt64(duration_nano) AS ended,
            name IN ('process parking.events:vehicle.entered:parking.entries', 'process parking.events:vehicle.exited:parking.exits') AS recorded
        FROM signoz_traces.distributed_signoz_index_v3
        WHERE ts_bucket_start BETWEEN {{.start_timestamp}} - 5400 AND {{.end_timestamp}} + 1800
            AND trace_id GLOBAL IN
            (
                SELECT trace_id
                FROM signoz_traces.distributed_signoz_index_v3
                WHERE ts_bucket_start BETWEEN {{.start_timestamp}} - 1800 AND {{.end_timestamp}}
                    AND timestamp BETWEEN {{.start_datetime}} AND {{.end_datetime}}
                    AND name = 'write'
                    AND NOT attributes_bool['parking.pending']
                GROUP BY trace_id
                ORDER BY max(attributes_number['parking.e2e.duration_ms']) DESC
                LIMIT 20
            )
    )
    GROUP BY trace_id
)
ORDER BY total DESC
