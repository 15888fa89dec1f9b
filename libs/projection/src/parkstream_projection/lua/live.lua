-- Which version of the projection is live. The source of the log stands before it.

-- Before anything is switched the first version is live.
local function live_of(outbox_meta)
  return redis.call('HGET', outbox_meta, 'live') or '1'
end
