-- Writes records as they are, positions and recorded times included: into an empty log, or on from where the same file
-- was interrupted.

local FIELDS = 8  -- per record: group, field of the id index, type, body, digest, recorded, published, traceparent
local MARKS = 5  -- the first arguments of import: log id, first position, the mark before and after, dedupe_days
local RECORDS_MAX = 500
local TAKEN, ELSEWHERE, ID_KNOWN, FROM_THE_FUTURE, GOES_BACK = 0, 1, 2, 3, 4

-- Whether the log ends exactly where these records go on, as the same import left it.
local function goes_on(keys, first, mark_before)
  local state = redis.call('HMGET', keys[2], 'position', 'importing')
  local last = redis.call('XREVRANGE', keys[1], '+', '-', 'COUNT', '1')[1]
  if mark_before == '' then
    return redis.call('EXISTS', keys[1]) == 0 and tonumber(state[1] or 0) == 0 and not state[2]
  end
  return state[1] == digits(first - 1) and state[2] == mark_before and last and last[1] == state[1] .. '-0'
end

-- Check the form of each record, and put its id into its bucket, with its position in this call.
local function sort(args, from, count, groups)
  for i = 1, count do
    local at = from + (i - 1) * FIELDS
    local group = groups[whole(args[at], 'a group is no number')]
    check(group, 'there is no such group')
    check(string.find(args[at + 1], '^[A-Za-z]'), 'an id has no letter')
    id_in(args[at + 1])
    check(args[at + 2] ~= '', 'a type is empty')
    check(#args[at + 4] == DIGEST_BYTES, 'a digest has the wrong length')
    whole(args[at + 5], 'a recorded time is no integer')
    if args[at + 6] ~= '' then whole(args[at + 6], 'a published time is no integer') end
    local asked = group.bucket.asked
    asked[#asked + 1] = { field = args[at + 1], nth = i, digest = args[at + 4] }
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

local function write_all(keys, args, from, count, first, groups)
  local latest = {}
  for i = 1, count do
    local at, position = from + (i - 1) * FIELDS, digits(first + i - 1)
    write(keys[1], position, args[at + 2], id_in(args[at + 1]), args[at + 3], args[at + 5], args[at + 6], args[at + 7])
    local category = groups[tonumber(args[at])].category
    if category ~= '' then latest[category] = position .. ' ' .. args[at + 5] end
  end
  note_end(keys[2], digits(first + count - 1), args[#args - 2], latest)
end

-- KEYS: log, meta, one bucket per day. ARGV: an id for a log that has none, first position, the mark before and after,
-- dedupe_days, the days, the groups, then FIELDS per record. Returns the outcome, and where that is not TAKEN: the
-- position it is about, and the one that has its id. A log that is imported from a later position than 1 counts what
-- comes before as archived.
local function import(keys, args)
  check(#keys > 2 and #args > MARKS, 'import takes the log, its meta and at least one bucket')
  local first, dedupe_days = whole(args[2], 'the position is no integer'), whole(args[5], 'dedupe_days is no integer')
  check(first >= 1 and args[1] ~= '' and args[4] ~= '', 'the log id, the position or the mark is none')
  local now = clock(keys[2])
  local buckets = buckets_of(keys, args, MARKS + 1, now.today - dedupe_days)
  local groups, from = groups_of(args, MARKS - 1 + #keys, buckets)
  local count = (#args - from + 1) / FIELDS
  check(count >= 1 and count <= RECORDS_MAX and count == math.floor(count), 'the arguments are no whole records')
  sort(args, from, count, groups)
  if not goes_on(keys, first, args[3]) then return { ELSEWHERE, first } end
  local kind, nth = wrong_time(keys, args, from, count, now.now_us)
  if kind then return { kind, first + nth - 1 } end
  for _, bucket in ipairs(buckets) do
    if not bucket.too_old and #bucket.asked > 0 then
      local known, position = known_id(bucket, first)
      if known then return { ID_KNOWN, first + known - 1, position } end
    end
  end

  write_all(keys, args, from, count, first, groups)
  for _, bucket in ipairs(buckets) do
    if #bucket.entries > 0 then remember(bucket.key, bucket.entries) end
  end
  if args[3] == '' and first > 1 then redis.call('HSET', keys[2], 'archived_through', digits(first - 1)) end
  redis.call('HSETNX', keys[2], 'log_id', args[1])
  redis.call('HSET', keys[2], 'importing', args[4])
  return { TAKEN, first + count - 1 }
end

-- KEYS: log, meta. ARGV: the mark that the last batch left. Returns 1, or 0 when the log is not as that left it.
local function finish(keys, args)
  check(#keys == 2 and #args == 1, 'finish takes the log, its meta and the mark')
  if redis.call('HGET', keys[2], 'importing') ~= args[1] then return 0 end
  return redis.call('HDEL', keys[2], 'importing')
end

redis.register_function('parkstream_import_' .. VERSION, import)
redis.register_function('parkstream_import_finish_' .. VERSION, finish)
