-- What is done with the index of the summary file at once. A Redis that is full allows all of it, and takes no MULTI: an
-- entry is smaller than the summary that leaves the outbox for it, and the days that are restored are few.

-- KEYS: hashes. ARGV: per hash how many fields, fields. Returns of each whether it is there, and the fields' values.
local function look_up(keys, args)
  local at, answers = 1, {}
  for i = 1, #keys do
    local first, last = at + 1, at + tonumber(args[at])
    local there, values = redis.call('EXISTS', keys[i]), {}
    for from = first, last, 1000 do
      local found = redis.call('HMGET', keys[i], unpack(args, from, math.min(from + 999, last)))
      for _, value in ipairs(found) do values[#values + 1] = value end
    end
    answers[i] = { there, values }
    at = last + 1
  end
  return answers
end

-- Only if nobody moved the mark meanwhile, and none of the days has expired.
-- KEYS: meta, the days. ARGV: the mark as it is and as it will be, position, how many counters, counters and their
-- changes; per day its field, start and end of its lines, for how many seconds it is kept, how many visits, their names
-- and entries.
local function commit(keys, args)
  local mark = redis.call('HMGET', keys[1], 'through_bytes', 'tail', 'head')
  if (mark[1] or '0') ~= args[1] or (mark[2] or '') ~= args[2] or (mark[3] or '') ~= args[3] then return 0 end
  local first, starts = 9 + 2 * tonumber(args[8]), {}
  local at = first
  for i = 2, #keys do
    local range = redis.call('HGET', keys[1], args[at])
    if range and redis.call('EXISTS', keys[i]) == 0 then return 0 end
    starts[i] = range and string.match(range, '^%d+') or false
    at = at + 5 + 2 * tonumber(args[at + 4])
  end
  redis.call('HSET', keys[1], 'through_bytes', args[4], 'tail', args[5], 'head', args[6])
  local position = redis.call('HGET', keys[1], 'position') or '0'
  if tonumber(args[7]) > tonumber(position) then redis.call('HSET', keys[1], 'position', args[7]) end
  for i = 9, first - 1, 2 do redis.call('HINCRBY', keys[1], args[i], args[i + 1]) end
  at = first
  for i = 2, #keys do
    local seconds, fields = tonumber(args[at + 3]), at + 5
    if not starts[i] then redis.call('UNLINK', keys[i]) end
    redis.call('HSET', keys[1], args[at], (starts[i] or args[at + 1]) .. ' ' .. args[at + 2])
    at = fields + 2 * tonumber(args[at + 4])
    for field = fields, at - 1, 2 do redis.call('HSET', keys[i], args[field], args[field + 1]) end
    if seconds > 0 then redis.call('EXPIRE', keys[i], seconds) end
  end
  return 1
end

-- KEYS: what is restored of a day. ARGV: for how many seconds it is kept, names of visits and their entries.
local function restore(keys, args)
  for i = 2, #args, 2 do redis.call('HSET', keys[1], args[i], args[i + 1]) end
  return redis.call('EXPIRE', keys[1], args[1])
end

-- KEYS: meta, the day, what was restored of it. ARGV: the day's field, its range, for how many seconds it is kept.
local function restored(keys, args)
  if redis.call('HGET', keys[1], args[1]) ~= args[2] or redis.call('EXISTS', keys[3]) == 0 then return 0 end
  if redis.call('EXISTS', keys[2]) == 1 then return redis.call('UNLINK', keys[3]) end
  redis.call('RENAME', keys[3], keys[2])
  return tonumber(args[3]) > 0 and redis.call('EXPIRE', keys[2], args[3]) or redis.call('PERSIST', keys[2])
end

local function register(name, callback, flag)
  redis.register_function{
    function_name = 'parkstream_summaries_' .. name .. '_' .. VERSION, callback = callback, flags = { flag } }
end

register('look_up', look_up, 'no-writes')
register('commit', commit, 'allow-oom')
register('restore', restore, 'allow-oom')
register('restored', restored, 'allow-oom')
