-- Writes records as they are, positions and recorded times included: into an empty log, or on from where the same file
-- was interrupted. The number above and in the names below is the version: raise it with every change.
--
-- Redis does not roll back: whatever can fail comes before the first write.

local DAY_SECONDS = 86400
local FIELDS = 8  -- per record: bucket, letter:id, type, body, digest, recorded, published, traceparent
local RECORDS_MAX = 500
local DIGEST_BYTES = 8
local INTEGER_MAX = 2 ^ 53
local TAKEN, ELSEWHERE, ID_KNOWN, FROM_THE_FUTURE, GOES_BACK = 0, 1, 2, 3, 4
local LATEST = {
  E = { position = 'entered_position', at = 'entered_at_us' },
  X = { position = 'exited_position', at = 'exited_at_us' },
}

local function check(fine, what)
  if not fine then error({ err = 'ERR parkstream_importing: ' .. what }) end
end

local function whole(text, what)
  local number = text and string.find(text, '^%-?%d+$') and tonumber(text)
  check(number and number < INTEGER_MAX and number > -INTEGER_MAX, what)
  return number
end

local function digits(number)
  return string.format('%d', number)
end

local function clock()
  local time = redis.call('TIME')
  return { today = math.floor(tonumber(time[1]) / DAY_SECONDS), now_us = tonumber(time[1]) * 1000000 + tonumber(time[2]) }
end

-- Whether the log ends exactly where these records go on, as the same import left it.
local function goes_on(keys, first, mark_before)
  local state = redis.call('HMGET', keys[2], 'position', 'importing')
  local last = redis.call('XREVRANGE', keys[1], '+', '-', 'COUNT', '1')[1]
  if mark_before == '' then
    return redis.call('EXISTS', keys[1]) == 0 and tonumber(state[1] or 0) == 0 and not state[2]
  end
  return state[1] == digits(first - 1) and state[2] == mark_before and last and last[1] == state[1] .. '-0'
end

local function buckets_of(keys, args, oldest_day)
  local buckets = {}
  for i = 3, #keys do
    local day = whole(args[i + 2], 'a day is no integer')
    check(string.sub(keys[i], -#args[i + 2] - 1) == ':' .. args[i + 2], 'a key is not that of its day')
    buckets[i - 2] = { key = keys[i], day = day, forgotten = day < oldest_day, asked = {}, entries = {} }
  end
  return buckets
end

-- Check the form of each record, and put its id into its bucket, with its position in this call.
local function sort(args, from, count, buckets)
  for i = 1, count do
    local at = from + (i - 1) * FIELDS
    local bucket = buckets[whole(args[at], 'a bucket is no number')]
    check(bucket, 'a bucket is not among the keys')
    check(string.find(args[at + 1], '^[EXD]:'), 'an id has no direction')
    check(args[at + 2] ~= '', 'a type is empty')
    check(#args[at + 4] == DIGEST_BYTES, 'a digest has the wrong length')
    whole(args[at + 5], 'a recorded time is no integer')
    if args[at + 6] ~= '' then whole(args[at + 6], 'a published time is no integer') end
    bucket.asked[#bucket.asked + 1] = { field = args[at + 1], nth = i, digest = args[at + 4] }
  end
end

-- The first id that is remembered already: its place in this call and the position that has it.
local function known_id(bucket, first)
  local fields, own = {}, {}
  for i, asked in ipairs(bucket.asked) do fields[i] = asked.field end
  local values = redis.call('HMGET', bucket.key, unpack(fields))
  for i, asked in ipairs(bucket.asked) do
    local value = values[i] or own[asked.field]
    if value then return asked.nth, tonumber(string.sub(value, DIGEST_BYTES + 1)) end
    own[asked.field] = asked.digest .. digits(first + asked.nth - 1)
    bucket.entries[#bucket.entries + 1] = asked.field
    bucket.entries[#bucket.entries + 1] = own[asked.field]
  end
end

-- The first record whose recorded time goes back, or has not come yet.
local function wrong_time(keys, args, from, count, now_us)
  local before = tonumber(redis.call('HGET', keys[2], 'recorded_at_us') or args[from + 5])
  for i = 1, count do
    local recorded = tonumber(args[from + (i - 1) * FIELDS + 5])
    if recorded < before then return GOES_BACK, i end
    if recorded > now_us then return FROM_THE_FUTURE, i end
    before = recorded
  end
end

local function write(keys, args, from, count, first)
  local latest = {}
  for i = 1, count do
    local at, position = from + (i - 1) * FIELDS, digits(first + i - 1)
    redis.call('XADD', keys[1], position .. '-0', 'type', args[at + 2], 'id', string.sub(args[at + 1], 3), 'body',
      args[at + 3], 'recorded', args[at + 5], 'published', args[at + 6], 'traceparent', args[at + 7])
    latest[string.sub(args[at + 1], 1, 1)] = { position = position, at = args[at + 5] }
  end
  for letter, found in pairs(latest) do
    if LATEST[letter] then
      redis.call('HSET', keys[2], LATEST[letter].position, found.position, LATEST[letter].at, found.at)
    end
  end
  redis.call('HSET', keys[2], 'position', digits(first + count - 1), 'recorded_at_us', args[#args - 2])
end

-- KEYS: log, meta, one bucket per day. ARGV: first position, the mark before and after, dedupe_days, the days, then
-- FIELDS per record. Returns the outcome, and where that is not TAKEN: the position it is about, and the one that has
-- its id. A log that is imported from a later position than 1 counts what comes before as archived.
local function import(keys, args)
  check(#keys > 2, 'import takes the log, its meta and at least one bucket')
  local first, dedupe_days = whole(args[1], 'the position is no integer'), whole(args[4], 'dedupe_days is no integer')
  local from = #keys + 3
  local count = (#args - from + 1) / FIELDS
  check(first >= 1 and args[3] ~= '', 'the position or the mark is none')
  check(count >= 1 and count <= RECORDS_MAX and count == math.floor(count), 'the arguments are no whole records')
  local now = clock()
  local buckets = buckets_of(keys, args, now.today - dedupe_days)
  sort(args, from, count, buckets)
  if not goes_on(keys, first, args[2]) then return { ELSEWHERE, first } end
  local kind, nth = wrong_time(keys, args, from, count, now.now_us)
  if kind then return { kind, first + nth - 1 } end
  for _, bucket in ipairs(buckets) do
    if not bucket.forgotten and #bucket.asked > 0 then
      local known, position = known_id(bucket, first)
      if known then return { ID_KNOWN, first + known - 1, position } end
    end
  end

  write(keys, args, from, count, first)
  for _, bucket in ipairs(buckets) do
    if #bucket.entries > 0 then
      redis.call('HSET', bucket.key, unpack(bucket.entries))
      redis.call('EXPIREAT', bucket.key, digits((bucket.day + dedupe_days + 2) * DAY_SECONDS))
    end
  end
  if args[2] == '' and first > 1 then redis.call('HSET', keys[2], 'archived_through', digits(first - 1)) end
  redis.call('HSET', keys[2], 'importing', args[3])
  return { TAKEN, first + count - 1 }
end

-- KEYS: log, meta. ARGV: the mark that the last batch left. Returns 1, or 0 when the log is not as that left it.
local function finish(keys, args)
  check(#keys == 2 and #args == 1, 'finish takes the log, its meta and the mark')
  if redis.call('HGET', keys[2], 'importing') ~= args[1] then return 0 end
  return redis.call('HDEL', keys[2], 'importing')
end

redis.register_function('parkstream_import_1', import)
redis.register_function('parkstream_import_finish_1', finish)
