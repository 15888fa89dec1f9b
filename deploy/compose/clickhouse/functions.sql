-- What SigNoz calls for percentiles of histograms: upper bounds, cumulative counts, and the quantile, as Prometheus has it.
-- It is linear inside a bucket, from 0 in the first; in the last, which has no end, it is the last bound that there is.
CREATE OR REPLACE FUNCTION histogramQuantile AS (buckets, counts, level) ->
    arrayMap
    (
        (bounds, unsteady) -> arrayMap
        (
            -- Counts of several processes may go back from one bound to the next; a count is at least those before it.
            totals -> arrayMap
            (
                (rank, at) -> multiIf
                (
                    length(bounds) < 2 OR NOT isInfinite(bounds[-1]) OR totals[-1] = 0, nan,
                    at = length(bounds), bounds[-2],
                    at = 1 AND bounds[1] <= 0, bounds[1],
                    arrayPushFront(bounds, 0.)[at] + (bounds[at] - arrayPushFront(bounds, 0.)[at])
                        * (rank - arrayPushFront(totals, 0.)[at]) / (totals[at] - arrayPushFront(totals, 0.)[at])
                ),
                [level * totals[-1]],
                [arrayFirstIndex(total -> total >= level * totals[-1], totals)]
            )[1],
            [arrayMap(until -> arrayMax(arraySlice(unsteady, 1, until)), arrayEnumerate(unsteady))]
        )[1],
        [arraySort(arrayMap(bound -> toFloat64(bound), buckets))],
        [arraySort((total, bound) -> bound, arrayMap(total -> toFloat64(total), counts), arrayMap(bound -> toFloat64(bound), buckets))]
    )[1];
