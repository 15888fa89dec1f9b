-- The only writers of projections. The sources of the log and of the outbox stand before it.

local DONE, STALE, NOT_LIVE = 0, 1, 2
local AGENDAS = 3
local PLATE_OF = '^[^\31]*'
local COUNTS = 7  -- after these arguments of commit come the lengths of its lists, then the lists

local function values_of(key, names, first, last)
  local found = {}
  for from = first, last, CHUNK do
    local values = redis.call('HMGET', key, unpack(names, from, math.min(from + CHUNK - 1, last)))
    for i = 1, #values do found[#found + 1] = values[i] end
  end
  return found
end

local function plates_of(members)
  local names, seen = {}, {}
  for _, member in ipairs(members) do
    local name = string.match(member, PLATE_OF)
    if not seen[name] then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  return names
end

-- KEYS: meta, plates, the agendas. ARGV: checkpoint, per agenda the time up to which it is wanted, how many of the last
-- agenda, then names of plates. Returns the checkpoint; and when it is the one asked for, the plates, the members of
-- each agenda, and the names and values of the plates that these belong to.
local function load(keys, args)
  check(#keys == 2 + AGENDAS and #args >= 5, 'load takes meta, plates, three agendas, and five arguments or more')
  local checkpoint = redis.call('HGET', keys[1], 'checkpoint') or '0'
  if checkpoint ~= args[1] then return { tonumber(checkpoint) } end
  local answer, due = { tonumber(checkpoint), values_of(keys[2], args, 6, #args) }, {}
  for i = 1, AGENDAS do
    local limits = i == AGENDAS and { 'LIMIT', '0', args[5] } or {}
    local members = redis.call('ZRANGE', keys[2 + i], '-inf', args[1 + i], 'BYSCORE', unpack(limits))
    answer[2 + i] = members
    for _, member in ipairs(members) do due[#due + 1] = member end
  end
  local names = plates_of(due)
  answer[6] = names
  answer[7] = values_of(keys[2], names, 1, #names)
  return answer
end

-- Where each list of commit begins and ends, or nothing when the counts do not add up.
local function lists_of(args)
  local widths = { 2, 1, 2, 1, 2, 1, 2, 1, OUTBOX_FIELDS }
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

-- A value of the wrong type would stop the writes half way.
local function check_types(keys)
  redis.call('HLEN', keys[2])
  for i = 3, 2 + AGENDAS do redis.call('ZCARD', keys[i]) end
  redis.call('HLEN', keys[6])
  redis.call('XLEN', keys[7])
  redis.call('SCARD', keys[9])
end

-- KEYS: meta, plates, the agendas, hashes, outbox, its meta, the versions. ARGV: projection version, rules version, checkpoint as it is
-- and as it will be, state hash, clock, '1' to keep the hash for this position, the lengths of the lists, the
-- lists: plates and their values, plates to forget, per agenda due times and members, members to drop; summaries.
-- Only the live version emits; any other may follow it up to where it has emitted, so that it can take over anywhere.
-- Returns what it came to: the checkpoint, how many were emitted, the live version.
local function commit(keys, args)
  check(#keys == 9, 'commit takes nine keys')
  local version = digits(count_of(args[1], 'the projection version is no number'))
  count_of(args[2], 'the rules version is no number')
  local through = count_of(args[4], 'the checkpoint is no number')
  check(through > count_of(args[3], 'the checkpoint is no number'), 'the checkpoint does not grow')
  local state = redis.call('HMGET', keys[1], 'checkpoint', 'rules_version')
  local live, emitted_through = live_of(keys[8]), tonumber(redis.call('HGET', keys[8], 'emitted_through') or 0)
  local fenced = (state[1] or '0') ~= args[3] or (state[2] and state[2] ~= args[2])
  if fenced then return { STALE, tonumber(state[1] or 0) } end
  if version ~= live and through > emitted_through then return { NOT_LIVE, tonumber(live) } end
  local lists = lists_of(args)
  for i = 3, 7, 2 do check_scores(args, lists[i]) end
  local first = first_to_emit(args, lists[9], emitted_through, through)
  check_types(keys)

  emit(args, keys[7], first, lists[9].last)  -- First, because Redis refuses an id below its stream's last.
  in_chunks('HSET', keys[2], args, lists[1].first, lists[1].last, 2)
  in_chunks('HDEL', keys[2], args, lists[2].first, lists[2].last, 1)
  for i = 1, AGENDAS do
    in_chunks('ZREM', keys[2 + i], args, lists[2 * i + 2].first, lists[2 * i + 2].last, 1)
    in_chunks('ZADD', keys[2 + i], args, lists[2 * i + 1].first, lists[2 * i + 1].last, 2)
  end
  redis.call('HSET', keys[1], 'rules_version', args[2], 'checkpoint', args[4], 'state_hash', args[5],
    'clock', args[6])
  if args[7] == '1' then redis.call('HSET', keys[6], args[4], args[5]) end
  redis.call('SADD', keys[9], version)
  local emitted = (lists[9].last - first + 1) / OUTBOX_FIELDS
  if version == live and through > emitted_through then
    redis.call('HSET', keys[8], 'live', version, 'emitted_through', args[4])
  end
  if emitted > 0 then redis.call('HINCRBY', keys[8], 'emitted', emitted) end
  return { DONE, through, emitted, tonumber(live) }
end

redis.register_function({ function_name = 'parkstream_load_' .. VERSION, callback = load, flags = { 'no-writes' } })
redis.register_function('parkstream_commit_' .. VERSION, commit)
