-- Appends what came, and what was decided.

local FIELDS = 7  -- per event: group, field of the id index, type, body, digest, published, traceparent
local EVENTS_MAX = 1000
local APPENDED, DUPLICATE, CONFLICT, TOO_OLD, OVERTAKEN, IN_FUTURE = 0, 1, 2, 3, 4, 5

local function outcome(kind, value)
  return value * 8 + kind
end

local function check_event(args, at, groups)
  local group = groups[whole(args[at], 'a group is no number')]
  check(group, 'there is no such group')
  check(string.find(args[at + 1], '^[A-CE-Za-ce-z]') and #args[at + 1] > CODE_AND_TIME_BYTES,
    'an id has no letter or time')
  id_in(args[at + 1])
  check(args[at + 2] ~= '', 'a type is empty')
  check(#args[at + 4] == DIGEST_BYTES, 'a digest has the wrong length')
  if args[at + 5] ~= '' then whole(args[at + 5], 'a published time is no integer') end
  return group
end

-- Check each event, and ask the buckets what they know of its id; return the group of each.
local function checked(args, first, count, groups, buckets)
  local group_of = {}
  for i = 1, count do
    local at = first + (i - 1) * FIELDS
    local group = check_event(args, at, groups)
    local asked = group.bucket.asked
    group_of[i] = group
    asked[#asked + 1] = args[at + 1]
  end
  for _, bucket in ipairs(buckets) do
    if #bucket.asked > 0 and not bucket.too_old then
      local values = redis.call('HMGET', bucket.key, unpack(bucket.asked))
      for i, field in ipairs(bucket.asked) do bucket.known[field] = values[i] end
    end
  end
  return group_of
end

local function event_time_us(day, field)
  local a, b, c, d, e = string.byte(field, 2, CODE_AND_TIME_BYTES)
  return day * DAY_SECONDS * 1000000 + (((a * 256 + b) * 256 + c) * 256 + d) * 256 + e
end

local function known_outcome(value, digest)
  local kind = string.sub(value, 1, DIGEST_BYTES) == digest and DUPLICATE or CONFLICT
  return outcome(kind, tonumber(string.sub(value, DIGEST_BYTES + 1)))
end

-- KEYS: log, meta, one bucket per day. ARGV: the caller, dedupe_days, how far ahead an event may be (us), the days, the
-- groups, then FIELDS per event.
-- Returns the recorded time, where the log ends, then one outcome per event: value * 8 + kind.
local function append(keys, args)
  check(#keys > 2 and #args > CALLER, 'append takes the log, its meta and at least one bucket')
  local now = clock(keys[2], args[5])
  local refusal = misled(now, args)
  if refusal then return refusal end
  local dedupe_days = whole(args[CALLER + 1], 'dedupe_days is no integer')
  local oldest_day = now.today - dedupe_days
  local latest_us = now.recorded_at_us + count_of(args[CALLER + 2], 'how far ahead is no number')
  local buckets = buckets_of(keys, args, CALLER + 3, oldest_day)
  local groups, first = groups_of(args, CALLER + #keys + 1, buckets)
  local count = (#args - first + 1) / FIELDS
  check(count >= 1 and count <= EVENTS_MAX and count == math.floor(count), 'the arguments are no whole events')
  local group_of = checked(args, first, count, groups, buckets)

  local recorded = digits(now.recorded_at_us)
  local outcomes, latest, appended = { now.recorded_at_us, 0 }, {}, false
  for i = 1, count do
    local at, group = first + (i - 1) * FIELDS, group_of[i]
    local bucket, field, digest = group.bucket, args[at + 1], args[at + 4]
    if bucket.too_old then
      outcomes[i + 2] = outcome(TOO_OLD, oldest_day)
    elseif bucket.known[field] then
      outcomes[i + 2] = known_outcome(bucket.known[field], digest)
    elseif bucket.day >= now.today and event_time_us(bucket.day, field) > latest_us then
      outcomes[i + 2] = outcome(IN_FUTURE, 0)
    else
      now.position = now.position + 1
      local position, entries = digits(now.position), bucket.entries
      write(keys[1], position, args[at + 2], id_in(field), args[at + 3], recorded, args[at + 5], args[at + 6])
      bucket.known[field] = digest .. position
      entries[#entries + 1] = field
      entries[#entries + 1] = bucket.known[field]
      latest[group.category], appended = position .. ' ' .. recorded, true
      outcomes[i + 2] = outcome(APPENDED, now.position)
    end
  end
  outcomes[2] = now.position

  for _, bucket in ipairs(buckets) do
    if #bucket.entries > 0 then remember(bucket.key, bucket.entries) end
  end
  if appended then note_end(keys[2], digits(now.position), recorded, latest) end
  note_clock(keys[2], now, args[5])
  return outcomes
end

local function overtaken(meta, args, first, as_of)
  for i = first, #args do
    if latest_position(meta, args[i]) > as_of then return true end
  end
end

-- KEYS: log, meta, the buckets of newest_day, the day before it, and so on. ARGV: the caller, dedupe_days, newest_day,
-- type, id, body, digest, position, categories. The decision is void when a record of one of these was appended after
-- the position. It is kept under the day of recording, and looked up under every day that is remembered: so it is
-- appended once, at midnight too. Returns as append does.
local function decide(keys, args)
  local FIRST = CALLER + 7
  check(#keys > 2 and #args >= FIRST, 'decide takes the log, its meta, buckets, and 13 arguments or more')
  local now = clock(keys[2], args[5])
  local refusal = misled(now, args)
  if refusal then return refusal end
  local dedupe_days = whole(args[CALLER + 1], 'dedupe_days is no integer')
  local newest_day = whole(args[CALLER + 2], 'the newest day is no integer')
  local type, id, body, digest = unpack(args, CALLER + 3, CALLER + 6)
  local as_of = whole(args[FIRST], 'the position is no integer')
  check(type ~= '' and id ~= '', 'a decision has a type and an id')
  check(#digest == DIGEST_BYTES, 'a digest has the wrong length')
  local bucket = keys[newest_day - now.today + 3]
  check(newest_day >= now.today and bucket, 'the clocks of the caller and of Redis are more than a day apart')

  local field = DECISION .. id
  for i = 3, #keys do
    local value = redis.call('HGET', keys[i], field)
    if value then
      local known = tonumber(string.sub(value, DIGEST_BYTES + 1))
      return { now.recorded_at_us, now.position, outcome(DUPLICATE, known) }
    end
  end
  if overtaken(keys[2], args, FIRST + 1, as_of) then
    return { now.recorded_at_us, now.position, outcome(OVERTAKEN, 0) }
  end

  local position, recorded = digits(now.position + 1), digits(now.recorded_at_us)
  write(keys[1], position, type, id, body, recorded, '', '')
  remember(bucket, { field, digest .. position })
  note_end(keys[2], position, recorded, {})
  note_clock(keys[2], now, args[5])
  return { now.recorded_at_us, now.position + 1, outcome(APPENDED, now.position + 1) }
end

-- KEYS: log, meta. ARGV: the id that an empty log is given. Returns the id that the log has.
local function create(keys, args)
  check(#keys == 2 and #args == 1 and args[1] ~= '', 'create takes the log, its meta, and an id')
  local known = redis.call('HGET', keys[2], 'log_id')
  if known then return known end
  local position = redis.call('HGET', keys[2], 'position')
  check(not position and redis.call('XLEN', keys[1]) == 0, 'there are records, but the log has lost its id')
  redis.call('HSET', keys[2], 'log_id', args[1])
  return args[1]
end

-- KEYS: log, meta. ARGV: the id that the log has, '' for none, and another. Gives it that, notes up to where it is the
-- log that it was, and returns where it ends.
local function adopt(keys, args)
  check(#keys == 2 and #args == 2 and args[2] ~= '', 'adopt takes the log, its meta, and two ids')
  local now = extent(keys[2])
  if now.log_id ~= args[1] then return redis.error_reply('OTHERLOG ' .. now.log_id) end
  if now.log_id ~= '' then redis.call('HSET', keys[2], 'earlier:' .. now.log_id, digits(now.position)) end
  redis.call('HSET', keys[2], 'log_id', args[2])
  return now.position
end

-- KEYS: log, meta. ARGV: the caller. Writes no record, but says whether one may be written. Returns where the log ends,
-- and how many steps of Redis' clock have been taken.
local function examine(keys, args)
  check(#keys == 2 and #args == CALLER, 'examine takes the log, its meta, and the caller')
  local now = clock(keys[2], args[5])
  local refusal = misled(now, args)
  if refusal then return refusal end
  note_clock(keys[2], now, args[5])
  return { now.position, tonumber(redis.call('HGET', keys[2], 'clock_steps') or 0) }
end

-- KEYS: log, meta, one bucket per day. ARGV: the caller, dedupe_days, '1' to note from which day on ids are remembered,
-- the days. Removes the buckets of days that ended more than a day before those that are remembered. Returns where the
-- log ends, and how many there were.
local function forget(keys, args)
  check(#keys > 2 and #args == CALLER + #keys, 'forget takes the log, its meta, and buckets with their days')
  local now = clock(keys[2], args[5])
  local refusal = misled(now, args)
  if refusal then return refusal end
  local dedupe_days, count = count_of(args[CALLER + 1], 'dedupe_days is no number'), 0
  for _, bucket in ipairs(buckets_of(keys, args, CALLER + 3, now.today - dedupe_days - 1)) do
    if bucket.too_old then count = count + redis.call('UNLINK', bucket.key) end
  end
  local from_day = math.max(now.today - dedupe_days, tonumber(redis.call('HGET', keys[2], 'ids_from_day') or 0))
  if args[CALLER + 2] == '1' then redis.call('HSET', keys[2], 'ids_from_day', digits(from_day)) end
  return { now.position, count }
end

-- KEYS: log, meta. ARGV: the caller. A person takes Redis' clock as it is now, whoever knows it otherwise. Returns what
-- it shows, and the time of the last record.
local function take_clock(keys, args)
  check(#keys == 2 and #args == CALLER, 'take_clock takes the log, its meta, and the caller')
  local now = clock(keys[2], args[5])
  local refusal = misled(now, args)
  if refusal and (now.apart or not now.stepped) then return refusal end
  forget_boots(keys[2], 0)
  redis.call('HSET', keys[2], 'clock_taken_us', digits(now.now_us), 'clock:' .. args[5], digits(now.offset_us))
  redis.call('HINCRBY', keys[2], 'clock_steps', '1')
  return { now.now_us, now.recorded_at_us }
end

redis.register_function('parkstream_append_' .. VERSION, append)
redis.register_function('parkstream_decide_' .. VERSION, decide)
redis.register_function('parkstream_create_' .. VERSION, create)
redis.register_function('parkstream_adopt_' .. VERSION, adopt)
redis.register_function({ function_name = 'parkstream_examine_' .. VERSION, callback = examine,
  flags = { 'allow-oom' } })
redis.register_function({ function_name = 'parkstream_take_clock_' .. VERSION, callback = take_clock,
  flags = { 'allow-oom' } })
redis.register_function({ function_name = 'parkstream_forget_' .. VERSION, callback = forget,
  flags = { 'allow-oom' } })
