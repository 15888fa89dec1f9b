-- The log's only writers. The number above and in the names below is the version: raise it with every change, so that
-- an older process keeps calling its own and cannot replace a newer one.
--
-- Redis does not roll back: whatever can fail comes before the first write.

local DAY_SECONDS = 86400
local FIELDS = 7  -- per event: bucket, letter:id, type, body, digest, published, traceparent
local RECORD_FIELDS = 6  -- per record: type, id, body, recorded, published, traceparent
local EVENTS_MAX = 1000
local TRIM_MAX = 10000
local DIGEST_BYTES = 8
local INTEGER_MAX = 2 ^ 53
local APPENDED, DUPLICATE, CONFLICT, TOO_OLD, OVERTAKEN = 0, 1, 2, 3, 4
local DONE, MOVED, UNKNOWN, HELD, BEHIND = 0, 1, 2, 3, 4
local LATEST = {
  E = { position = 'entered_position', at = 'entered_at_us' },
  X = { position = 'exited_position', at = 'exited_at_us' },
}

local function refuse(what)
  error({ err = 'ERR parkstream_eventlog: ' .. what })
end

local function check(fine, what)
  if not fine then refuse(what) end
end

local function whole(text, what)
  local number = text and string.find(text, '^%-?%d+$') and tonumber(text)
  check(number and number < INTEGER_MAX and number > -INTEGER_MAX, what)
  return number
end

local function digits(number)
  return string.format('%d', number)
end

local function outcome(kind, value)
  return value * 8 + kind
end

local function time_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- Time as the log tells it: Redis' own, never going back.
local function clock(meta)
  local now_us = time_us()
  local state = redis.call('HMGET', meta, 'position', 'recorded_at_us')
  return {
    today = math.floor(now_us / 1000000 / DAY_SECONDS),
    recorded_at_us = math.max(now_us, tonumber(state[2] or 0)),
    position = tonumber(state[1] or 0),
  }
end

local function write(log, position, type, id, body, recorded, published, traceparent)
  redis.call('XADD', log, position .. '-0', 'type', type, 'id', id, 'body', body, 'recorded', recorded,
    'published', published, 'traceparent', traceparent)
end

local function remember(bucket, day, dedupe_days, entries)
  redis.call('HSET', bucket, unpack(entries))
  redis.call('EXPIREAT', bucket, digits((day + dedupe_days + 2) * DAY_SECONDS))
end

local function check_event(args, at, buckets)
  local bucket = buckets[whole(args[at], 'a bucket is no number')]
  check(bucket, 'a bucket is not among the keys')
  local letter = string.sub(args[at + 1], 1, 2)
  check(letter == 'E:' or letter == 'X:', 'an id has no direction')
  check(args[at + 2] ~= '', 'a type is empty')
  check(#args[at + 4] == DIGEST_BYTES, 'a digest has the wrong length')
  if args[at + 5] ~= '' then whole(args[at + 5], 'a published time is no integer') end
  return bucket
end

-- Check everything; return the day buckets with what they know of the ids asked for, and the bucket of each event.
local function checked(keys, args, first, count, oldest_day)
  local buckets, bucket_of = {}, {}
  for i = 3, #keys do
    local day = whole(args[i - 1], 'a day is no integer')
    check(string.sub(keys[i], -#args[i - 1] - 1) == ':' .. args[i - 1], 'a key is not that of its day')
    buckets[i - 2] = { key = keys[i], day = day, too_old = day < oldest_day, asked = {}, known = {}, entries = {} }
  end
  for i = 1, count do
    local at = first + (i - 1) * FIELDS
    local bucket = check_event(args, at, buckets)
    bucket_of[i] = bucket
    bucket.asked[#bucket.asked + 1] = args[at + 1]
  end
  for _, bucket in ipairs(buckets) do
    if #bucket.asked > 0 and not bucket.too_old then
      local values = redis.call('HMGET', bucket.key, unpack(bucket.asked))
      for i, field in ipairs(bucket.asked) do bucket.known[field] = values[i] end
    end
  end
  return buckets, bucket_of
end

local function known_outcome(value, digest)
  local kind = string.sub(value, 1, DIGEST_BYTES) == digest and DUPLICATE or CONFLICT
  return outcome(kind, tonumber(string.sub(value, DIGEST_BYTES + 1)))
end

-- KEYS: log, meta, one bucket per day. ARGV: dedupe_days, the days, then FIELDS per event.
-- Returns the recorded time, then one outcome per event: value * 8 + kind.
local function append(keys, args)
  check(#keys > 2, 'append takes the log, its meta and at least one bucket')
  local dedupe_days = whole(args[1], 'dedupe_days is no integer')
  local first = #keys
  local count = (#args - first + 1) / FIELDS
  check(count >= 1 and count <= EVENTS_MAX and count == math.floor(count), 'the arguments are no whole events')
  local now = clock(keys[2])
  local oldest_day = now.today - dedupe_days
  local buckets, bucket_of = checked(keys, args, first, count, oldest_day)

  local recorded = digits(now.recorded_at_us)
  local outcomes, latest = { now.recorded_at_us }, {}
  for i = 1, count do
    local at, bucket = first + (i - 1) * FIELDS, bucket_of[i]
    local field, digest = args[at + 1], args[at + 4]
    if bucket.too_old then
      outcomes[i + 1] = outcome(TOO_OLD, oldest_day)
    elseif bucket.known[field] then
      outcomes[i + 1] = known_outcome(bucket.known[field], digest)
    else
      now.position = now.position + 1
      local position = digits(now.position)
      write(keys[1], position, args[at + 2], string.sub(field, 3), args[at + 3], recorded, args[at + 5], args[at + 6])
      bucket.known[field] = digest .. position
      bucket.entries[#bucket.entries + 1] = field
      bucket.entries[#bucket.entries + 1] = bucket.known[field]
      latest[string.sub(field, 1, 1)] = position
      outcomes[i + 1] = outcome(APPENDED, now.position)
    end
  end

  for _, bucket in ipairs(buckets) do
    if #bucket.entries > 0 then remember(bucket.key, bucket.day, dedupe_days, bucket.entries) end
  end
  for letter, position in pairs(latest) do
    redis.call('HSET', keys[2], 'position', digits(now.position), 'recorded_at_us', recorded,
      LATEST[letter].position, position, LATEST[letter].at, recorded)
  end
  return outcomes
end

-- KEYS: log, meta, the buckets of newest_day, the day before it, and so on. ARGV: dedupe_days, newest_day, type, id,
-- body, digest, '' or the letter of a direction, position. The decision is kept under the day of recording, and looked
-- up under every day that is remembered: so it is appended once, at midnight too. Returns as append does.
local function decide(keys, args)
  check(#keys > 2 and #args == 8, 'decide takes the log, its meta, buckets, and 8 arguments')
  local dedupe_days = whole(args[1], 'dedupe_days is no integer')
  local newest_day = whole(args[2], 'the newest day is no integer')
  local type, id, body, digest, letter = args[3], args[4], args[5], args[6], args[7]
  local as_of = whole(args[8], 'the position is no integer')
  check(type ~= '' and id ~= '', 'a decision has a type and an id')
  check(#digest == DIGEST_BYTES, 'a digest has the wrong length')
  check(letter == '' or LATEST[letter], 'a direction is E or X')
  local now = clock(keys[2])
  local bucket = keys[newest_day - now.today + 3]
  check(newest_day >= now.today and bucket, 'the clocks of the caller and of Redis are more than a day apart')

  local field = 'D:' .. id
  for i = 3, #keys do
    local value = redis.call('HGET', keys[i], field)
    if value then return { now.recorded_at_us, outcome(DUPLICATE, tonumber(string.sub(value, DIGEST_BYTES + 1))) } end
  end
  if letter ~= '' and tonumber(redis.call('HGET', keys[2], LATEST[letter].position) or 0) > as_of then
    return { now.recorded_at_us, outcome(OVERTAKEN, 0) }
  end

  local position, recorded = digits(now.position + 1), digits(now.recorded_at_us)
  write(keys[1], position, type, id, body, recorded, '', '')
  remember(bucket, now.today, dedupe_days, { field, digest .. position })
  redis.call('HSET', keys[2], 'position', position, 'recorded_at_us', recorded)
  return { now.recorded_at_us, outcome(APPENDED, now.position + 1) }
end

-- The versions that a projection has: those in the set; before there was a set, the first if it has begun.
local function versions_in(projections, metas)
  local versions = redis.call('SMEMBERS', projections)
  if #versions == 0 and metas['1'] and redis.call('EXISTS', metas['1']) == 1 then versions = { '1' } end
  return versions
end

-- The first projection that has not taken in everything up to through.
local function projection_behind(versions, metas, through)
  for _, version in ipairs(versions) do
    local checkpoint = tonumber(redis.call('HGET', metas[version], 'checkpoint') or 0)
    if checkpoint < through then return { HELD, 'projection', version, checkpoint, 0 } end
  end
end

local function parse_lease(name, value)
  local position, until_us = string.match(value, '^(%d+):(%d+)$')
  check(position, 'the lease of ' .. name .. ' is none: ' .. string.sub(value, 1, 40))
  return tonumber(position), tonumber(until_us)
end

-- The first reader that still wants what stands before through, and the leases that have run out.
local function lease_behind(leases, through)
  local now_us, all, expired, behind = time_us(), redis.call('HGETALL', leases), {}, nil
  for i = 1, #all, 2 do
    local position, until_us = parse_lease(all[i], all[i + 1])
    if until_us <= now_us then
      expired[#expired + 1] = all[i]
    elseif position < through then
      behind = behind or { HELD, 'lease', all[i], position, until_us }
    end
  end
  return behind, expired
end

-- Take the meta of each projection version as 'version to key'; a key must be that of its version.
local function metas_of(keys, args, first_key, first_arg)
  local metas = {}
  check(#keys - first_key == #args - first_arg, 'there is one key per projection version')
  for i = first_key, #keys do
    local version = args[first_arg + i - first_key]
    local suffix = ':projection:' .. version .. ':meta'
    check(string.sub(keys[i], -#suffix) == suffix, 'a key is not that of its projection version')
    metas[version] = keys[i]
  end
  return metas
end

-- KEYS: log, meta, projections, leases, the meta of each projection. ARGV: archived_through as it is and as it will be,
-- then the version of each projection. Takes away the records up to there. Returns DONE; or MOVED and how far the log
-- is archived; or UNKNOWN when there are other projections; or HELD, by what, its name, its position, until when (us).
local function trim(keys, args)
  check(#keys >= 4 and #args >= 2, 'trim takes the log, its meta, projections, leases, and two positions')
  local from, through = whole(args[1], 'a position is no integer'), whole(args[2], 'a position is no integer')
  check(through > from and through - from <= TRIM_MAX, 'at most ' .. TRIM_MAX .. ' records are trimmed at once')
  local metas = metas_of(keys, args, 5, 3)
  local state = redis.call('HMGET', keys[2], 'position', 'archived_through')
  check(through <= tonumber(state[1] or 0), 'the log ends before ' .. args[2])
  if tonumber(state[2] or 0) ~= from then return { MOVED, tonumber(state[2] or 0) } end
  local versions = versions_in(keys[3], metas)
  for _, version in ipairs(versions) do
    if not metas[version] then return { UNKNOWN } end
  end
  local behind, expired = lease_behind(keys[4], through)
  behind = projection_behind(versions, metas, through) or behind
  if behind then return behind end
  redis.call('XLEN', keys[1])

  redis.call('XTRIM', keys[1], 'MINID', digits(through + 1) .. '-0')
  redis.call('HSET', keys[2], 'archived_through', args[2])
  if #expired > 0 then redis.call('HDEL', keys[4], unpack(expired, 1, math.min(#expired, EVENTS_MAX))) end
  return { DONE }
end

-- KEYS: leases. ARGV: name, position, for how long (us). Returns until when.
local function lease(keys, args)
  check(#keys == 1 and #args == 3 and args[1] ~= '', 'lease takes the leases, a name, a position and a time')
  local until_us = digits(time_us() + whole(args[3], 'the time is no integer'))
  check(whole(args[2], 'the position is no integer') >= 0, 'the position is negative')
  redis.call('HSET', keys[1], args[1], args[2] .. ':' .. until_us)
  return tonumber(until_us)
end

local function last_position(stream)
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', '1')[1]
  return last and tonumber(string.match(last[1], '^%d+'))
end

-- KEYS: the log that is being restored. ARGV: the position of the first record, then RECORD_FIELDS per record, as
-- write takes them. Returns how many there are.
local function restore(keys, args)
  local first = whole(args[1], 'the position is no integer')
  local count = (#args - 1) / RECORD_FIELDS
  check(#keys == 1 and count >= 1 and count <= EVENTS_MAX and count == math.floor(count),
    'the arguments are no whole records')
  for i = 1, count do
    for nth = 4, 5 do
      local time = args[1 + (i - 1) * RECORD_FIELDS + nth]
      if time ~= '' then whole(time, 'a time is no integer') end
    end
  end
  local last = last_position(keys[1])
  check(not last or last == first - 1, 'these records do not come next: start the restore anew')
  for i = 1, count do
    write(keys[1], digits(first + i - 1), unpack(args, 2 + (i - 1) * RECORD_FIELDS, 1 + i * RECORD_FIELDS))
  end
  return redis.call('XLEN', keys[1])
end

-- Copy up to count records of the log behind those that are restored; return how many are left.
local function copy_behind(log, meta, restoring, count)
  local last = last_position(restoring)
  check(last, 'nothing is restored: start the restore anew')
  local entries = redis.call('XRANGE', log, digits(last + 1) .. '-0', '+', 'COUNT', digits(count))
  local position = tonumber(redis.call('HGET', meta, 'position') or 0)
  for i, entry in ipairs(entries) do
    check(entry[1] == digits(last + i) .. '-0', 'the log was archived meanwhile: start the restore anew')
  end
  check(last + #entries == math.min(position, last + count), 'the log was archived meanwhile: start the restore anew')
  for _, entry in ipairs(entries) do redis.call('XADD', restoring, entry[1], unpack(entry[2])) end
  return position - last - #entries
end

-- KEYS: log, its meta, the log that is being restored. ARGV: how many. Returns how many are left.
local function copy(keys, args)
  local count = whole(args[1], 'the count is no integer')
  check(#keys == 3 and count >= 1 and count <= EVENTS_MAX, 'copy takes three keys and a count')
  return copy_behind(keys[1], keys[2], keys[3], count)
end

-- KEYS: log, its meta, the log that is being restored. ARGV: archived_through as it is and as it will be. Copies the
-- last records, at most EVENTS_MAX, and puts the restored log in the place of the log, when it has everything then.
-- Returns DONE; or MOVED and how far the log is archived; or BEHIND.
local function swap(keys, args)
  check(#keys == 3 and #args == 2, 'swap takes three keys and two positions')
  local archived, through = whole(args[1], 'a position is no integer'), whole(args[2], 'a position is no integer')
  local state = redis.call('HMGET', keys[2], 'position', 'archived_through')
  if tonumber(state[2] or 0) ~= archived then return { MOVED, tonumber(state[2] or 0) } end
  redis.call('XLEN', keys[1])
  if copy_behind(keys[1], keys[2], keys[3], EVENTS_MAX) > 0 then return { BEHIND } end
  check(redis.call('XLEN', keys[3]) == tonumber(state[1]) - through, 'records are missing: start the restore anew')

  redis.call('UNLINK', keys[1])  -- RENAME would free it, and everybody would wait.
  redis.call('RENAME', keys[3], keys[1])
  redis.call('HSET', keys[2], 'archived_through', args[2])
  return { DONE }
end

redis.register_function('parkstream_append_2', append)
redis.register_function('parkstream_decide_2', decide)
-- These two help a Redis that is full.
redis.register_function({ function_name = 'parkstream_trim_2', callback = trim, flags = { 'allow-oom' } })
redis.register_function({ function_name = 'parkstream_lease_2', callback = lease, flags = { 'allow-oom' } })
redis.register_function('parkstream_restore_2', restore)
redis.register_function('parkstream_copy_2', copy)
redis.register_function('parkstream_swap_2', swap)
