-- The only writers of projections. The sources of the log and of the outbox stand before it.

local DONE, STALE, NOT_LIVE, INCOMPLETE = 0, 1, 2, 3
local ENTITY_OF = '^[^\31]*'  -- a member of a timer begins with the name of its entity
local COUNTS = 9  -- after these arguments of commit come the lengths of its lists, then the lists

local function values_of(key, names, first, last)
  local found = {}
  for from = first, last, CHUNK do
    local values = redis.call('HMGET', key, unpack(names, from, math.min(from + CHUNK - 1, last)))
    for i = 1, #values do found[#found + 1] = values[i] end
  end
  return found
end

local function entities_of(members)
  local names, seen = {}, {}
  for _, member in ipairs(members) do
    local name = string.match(member, ENTITY_OF)
    if not seen[name] then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  return names
end

-- KEYS: meta, entities, the timers. ARGV: checkpoint, per timer the time up to which it is wanted, how many of the last
-- timer, then names of entities. Returns the checkpoint; and when it is the one asked for, the entities, the members of
-- each timer, and the names and values of the entities that these belong to.
local function load(keys, args)
  local timers = #keys - 2
  check(timers >= 0 and #args >= timers + 2, 'load takes meta, entities and timers, a time per timer, and a limit')
  local checkpoint = redis.call('HGET', keys[1], 'checkpoint') or '0'
  if checkpoint ~= args[1] then return { tonumber(checkpoint) } end
  local answer, due = { tonumber(checkpoint), values_of(keys[2], args, timers + 3, #args) }, {}
  for i = 1, timers do
    local limits = i == timers and { 'LIMIT', '0', args[timers + 2] } or {}
    local members = redis.call('ZRANGE', keys[2 + i], '-inf', args[1 + i], 'BYSCORE', unpack(limits))
    answer[2 + i] = members
    for _, member in ipairs(members) do due[#due + 1] = member end
  end
  local names = entities_of(due)
  answer[timers + 3] = names
  answer[timers + 4] = values_of(keys[2], names, 1, #names)
  return answer
end

-- Where each list of commit begins and ends, or nothing when the counts do not add up.
local function lists_of(args, timers)
  local widths = { 2, 1 }
  for i = 1, timers do
    widths[#widths + 1] = 2
    widths[#widths + 1] = 1
  end
  widths[#widths + 1] = OUTBOX_FIELDS
  local lists, first = {}, COUNTS + #widths + 1
  for i, width in ipairs(widths) do
    local length = count_of(args[COUNTS + i], 'a count is no number') * width
    lists[i] = { first = first, last = first + length - 1 }
    first = first + length
  end
  check(first == #args + 1, 'the counts and the arguments differ')
  return lists
end

local function check_scores(args, list)
  for i = list.first, list.last, 2 do
    local due = tonumber(args[i])
    check(due and due == due, 'a due time is no number')
  end
end

-- How many entities there are, and members of each timer: kept with each commit, so that it shows when some are lost.
local function sizes_of(keys, timers)
  local sizes = { redis.call('HLEN', keys[2]) }
  for i = 3, 2 + timers do sizes[i - 1] = redis.call('ZCARD', keys[i]) end
  return table.concat(sizes, ' ')
end

-- A value of the wrong type would stop the writes half way.
local function check_types(keys, timers)
  redis.call('HLEN', keys[timers + 3])
  redis.call('XLEN', keys[timers + 4])
  redis.call('SCARD', keys[timers + 6])
end

local function write_state(keys, args, lists, timers)
  in_chunks('HSET', keys[2], args, lists[1].first, lists[1].last, 2)
  in_chunks('HDEL', keys[2], args, lists[2].first, lists[2].last, 1)
  for i = 1, timers do
    in_chunks('ZREM', keys[2 + i], args, lists[2 * i + 2].first, lists[2 * i + 2].last, 1)
    in_chunks('ZADD', keys[2 + i], args, lists[2 * i + 1].first, lists[2 * i + 1].last, 2)
  end
  redis.call('HSET', keys[1], 'rules_version', args[2], 'checkpoint', args[5], 'state_hash', args[6],
    'clock', args[7], 'sizes', sizes_of(keys, timers))
  if args[8] == '-' then
    redis.call('HDEL', keys[1], 'aside')
  elseif args[8] ~= '' then
    redis.call('HSET', keys[1], 'aside', string.sub(args[8], 2))
  end
  if args[9] == '1' then redis.call('HSET', keys[timers + 3], args[5], args[6]) end
end

-- KEYS: meta, entities, the timers, hashes, outbox, its meta, the versions. ARGV: projection version, rules version,
-- checkpoint and state hash as they are and as they will be, clock, what is kept beside it, after a
-- '+' ('' while that stays, '-' for nothing), '1' to keep the hash for this position, the lengths of the
-- lists, the lists: entities and their values, entities to forget, per timer due times and members, members to drop;
-- items. Only the live version emits; any other may follow it up to where it has emitted, so that it can take over
-- anywhere. Returns what it came to: the checkpoint, how many were emitted, the live version.
local function commit(keys, args)
  local timers = #keys - 6
  check(timers >= 0, 'commit takes six keys and the timers')
  local outbox, outbox_meta = keys[timers + 4], keys[timers + 5]
  local version = digits(count_of(args[1], 'the projection version is no number'))
  count_of(args[2], 'the rules version is no number')
  local through = count_of(args[5], 'the checkpoint is no number')
  check(through > count_of(args[3], 'the checkpoint is no number'), 'the checkpoint does not grow')
  local state = redis.call('HMGET', keys[1], 'checkpoint', 'rules_version', 'sizes', 'state_hash')
  local live = live_of(outbox_meta)
  local emitted_through = tonumber(redis.call('HGET', outbox_meta, 'emitted_through') or 0)
  local fenced = (state[1] or '0') ~= args[3] or (state[2] and state[2] ~= args[2])
  -- A replica that became the primary may have been taken as far again, through other records.
  fenced = fenced or (state[4] and state[4] ~= args[4])
  if fenced then return { STALE, tonumber(state[1] or 0) } end
  if version ~= live and through > emitted_through then return { NOT_LIVE, tonumber(live) } end
  if state[3] and state[3] ~= sizes_of(keys, timers) then return { INCOMPLETE } end
  local lists = lists_of(args, timers)
  for i = 1, timers do check_scores(args, lists[2 * i + 1]) end
  local items = lists[#lists]
  local first = first_to_emit(args, items, emitted_through, through)
  check_types(keys, timers)

  emit(args, outbox, first, items.last)  -- First, because Redis refuses an id below its stream's last.
  write_state(keys, args, lists, timers)
  redis.call('SADD', keys[timers + 6], version)
  local emitted = (items.last - first + 1) / OUTBOX_FIELDS
  if version == live and through > emitted_through then
    redis.call('HSET', outbox_meta, 'live', version, 'emitted_through', args[5])
  end
  if emitted > 0 then redis.call('HINCRBY', outbox_meta, 'emitted', emitted) end
  return { DONE, through, emitted, tonumber(live) }
end

redis.register_function({ function_name = 'parkstream_load_' .. VERSION, callback = load, flags = { 'no-writes' } })
redis.register_function('parkstream_commit_' .. VERSION, guarded(commit))
