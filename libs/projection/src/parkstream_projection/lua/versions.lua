-- Which versions of the projection there are, and which of them is live. The source of the log stands before it, because
-- a switch appends to the log in the same step.

local SWITCHED, OTHER_LIVE, OTHER_CHECKPOINT, OTHER_POSITION, NO_VERSION = 0, 1, 2, 3, 4
local FIELDS = 4  -- per decision: type, id, body, digest
local FIRST = CALLER + 6  -- the arguments of switch before its decisions

-- KEYS: the versions, the outbox's meta. Returns a number that no version has had, and keeps it.
local function begin(keys, args)
  check(#keys == 2 and #args == 0, 'begin takes the versions and the meta of the outbox')
  local state = redis.call('HMGET', keys[2], 'live', 'newest')
  local newest = math.max(tonumber(state[1] or 1), tonumber(state[2] or 1))
  for _, version in ipairs(redis.call('SMEMBERS', keys[1])) do newest = math.max(newest, tonumber(version)) end
  redis.call('HSET', keys[2], 'newest', digits(newest + 1))
  redis.call('SADD', keys[1], digits(newest + 1))
  return newest + 1
end

-- KEYS: the versions, the meta of one. ARGV: its number. Notes that it has caught up once: it is not to be resumed.
local function finish(keys, args)
  check(#keys == 2 and #args == 1, 'finish takes the versions, the meta of one, and its number')
  if redis.call('SISMEMBER', keys[1], args[1]) == 0 then return 0 end
  redis.call('HSETNX', keys[2], 'rebuilt', redis.call('HGET', keys[2], 'checkpoint') or '0')
  return 1
end

-- KEYS: the versions, the outbox's meta, all keys of one version. ARGV: its number. Redis frees them in the background.
-- Returns 1, or 0 when it is the live one.
local function drop(keys, args)
  check(#keys > 2 and #args == 1, 'drop takes the versions, the meta of the outbox, keys of one, and its number')
  local version = digits(count_of(args[1], 'a version is no number'))
  if live_of(keys[2]) == version then return 0 end
  if redis.call('HGET', keys[2], 'before') == version then redis.call('HDEL', keys[2], 'before') end
  redis.call('SREM', keys[1], version)
  for i = 3, #keys do redis.call('UNLINK', keys[i]) end
  return 1
end

-- Append the decisions, as `decide` of the log does. Their ids name the position that they follow, so nobody can have
-- appended them before.
local function append(log, log_meta, bucket, now, dedupe_days, args)
  local recorded, entries, position = digits(now.recorded_at_us), {}, now.position
  for i = FIRST + 1, #args, FIELDS do
    position = position + 1
    write(log, digits(position), args[i], args[i + 1], args[i + 2], recorded, '', '')
    entries[#entries + 1] = DECISION .. args[i + 1]
    entries[#entries + 1] = args[i + 3] .. digits(position)
  end
  remember(bucket, now.today, dedupe_days, entries)
  note_end(log_meta, digits(position), recorded, {})
  return position
end

local function check_decisions(args, now)
  check((#args - FIRST) % FIELDS == 0, 'the arguments are no whole decisions')
  for i = FIRST + 1, #args, FIELDS do
    local suffix = ':' .. digits(now.position) .. ':' .. digits((i - FIRST - 1) / FIELDS + 1)
    check(args[i] ~= '', 'a decision has a type')
    check(string.sub(args[i + 1], -#suffix) == suffix, 'an id is not that of its position')
    check(#args[i + 3] == DIGEST_BYTES, 'a digest has the wrong length')
  end
end

-- KEYS: the versions, the outbox's meta, the metas of the live version and of the one to be, log, its meta, the buckets
-- of newest_day and of the day before. ARGV: the caller, the live version, the one to be, the checkpoint of both,
-- dedupe_days, newest_day, '1' when that must be the log's end too; then decisions, which need that. Returns what it came
-- to, and the log's position.
local function switch(keys, args)
  check(#keys == 8 and #args >= FIRST, 'switch takes eight keys, and ten arguments or more')
  local live, checkpoint, at_end = args[CALLER + 1], args[CALLER + 3], args[FIRST] == '1'
  local to = digits(count_of(args[CALLER + 2], 'a version is no number'))
  local dedupe_days = count_of(args[CALLER + 4], 'dedupe_days is no number')
  local newest_day = count_of(args[CALLER + 5], 'the newest day is no number')
  check(at_end or #args == FIRST, 'decisions follow the checkpoint')
  local now = clock(keys[6], args[5])
  local refusal = misled(now, args)
  if refusal then return refusal end
  if live_of(keys[2]) ~= live or live == to then return { OTHER_LIVE, now.position } end
  if redis.call('SISMEMBER', keys[1], to) == 0 then return { NO_VERSION, now.position } end
  for i = 3, 4 do
    if (redis.call('HGET', keys[i], 'checkpoint') or '0') ~= checkpoint then
      return { OTHER_CHECKPOINT, now.position }
    end
  end
  if at_end and digits(now.position) ~= checkpoint then return { OTHER_POSITION, now.position } end
  check_decisions(args, now)
  local bucket = keys[newest_day - now.today + 7]
  check(newest_day >= now.today and bucket, 'the clocks of the caller and of Redis are more than a day apart')
  redis.call('XLEN', keys[5])
  redis.call('HLEN', bucket)

  local position = now.position
  if #args > FIRST then position = append(keys[5], keys[6], bucket, now, dedupe_days, args) end
  redis.call('HSET', keys[2], 'live', to, 'before', live)
  note_clock(keys[6], now, args[5])
  return { SWITCHED, position }
end

-- KEYS: the outbox's meta. ARGV: for how many microseconds the log shall come to rest, so that versions can meet.
local function quiet(keys, args)
  check(#keys == 1 and #args == 1, 'quiet takes the meta of the outbox and a time')
  local for_us = count_of(args[1], 'the time is no number')
  redis.call('HSET', keys[1], 'quiet_until_us', digits(time_us() + for_us))
  return 1
end

redis.register_function('parkstream_begin_' .. VERSION, guarded(begin))
redis.register_function('parkstream_quiet_' .. VERSION, guarded(quiet))
redis.register_function('parkstream_finish_' .. VERSION, guarded(finish))
redis.register_function({ function_name = 'parkstream_drop_' .. VERSION, callback = guarded(drop),
  flags = { 'allow-oom' } })
redis.register_function('parkstream_switch_' .. VERSION, switch)
