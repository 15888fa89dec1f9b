#!lua name=parkstream_eventlog_1
-- The log's only writers. The number above and in the names below is the version: raise it with every change, so that
-- an older process keeps calling its own and cannot replace a newer one.
--
-- Redis does not roll back: whatever can fail comes before the first write.

local DAY_SECONDS = 86400
local FIELDS = 7  -- per event: bucket, letter:id, type, body, digest, published, traceparent
local EVENTS_MAX = 1000
local DIGEST_BYTES = 8
local INTEGER_MAX = 2 ^ 53
local APPENDED, DUPLICATE, CONFLICT, TOO_OLD, OVERTAKEN = 0, 1, 2, 3, 4
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

-- Time as the log tells it: Redis' own, never going back.
local function clock(meta)
  local time = redis.call('TIME')
  local state = redis.call('HMGET', meta, 'position', 'recorded_at_us')
  local now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])
  return {
    today = math.floor(tonumber(time[1]) / DAY_SECONDS),
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

redis.register_function('parkstream_append_1', append)
redis.register_function('parkstream_decide_1', decide)
