-- What a camera means to publish, and what became of it. A list of things is one JSON argument. Redis does not roll back: checks come before writes.

local LEFT_MAX = 200000

local function add(account, counts)
  for name, count in pairs(counts) do
    if count ~= 0 then redis.call('HINCRBY', account, name, count) end
  end
end

-- KEYS account, intents, parked, cars, left. ARGV step, made, counts, intents, leaving, now_us, daily ids.
-- In one go: the cars that leave are parked no more, and what is published for them is kept until it is confirmed.
-- A call that is repeated because its answer was lost changes nothing: its step was made.
local function intend(keys, args)
  local step, made = tonumber(args[1]), tonumber(args[2])
  local counts, intents, leaving = cjson.decode(args[3]), cjson.decode(args[4]), cjson.decode(args[5])
  local found = tonumber(redis.call('HGET', keys[1], 'step') or '0')
  if found == step + 1 then return 0 end
  if found ~= step then
    return redis.error_reply('STALE another generator of this mall made step ' .. found .. ', not this one')
  end
  redis.call('HSET', keys[1], 'step', step + 1, 'made', made)
  if args[7] ~= '' then redis.call('HSET', keys[1], 'daily_ids', args[7]) end
  add(keys[1], counts)
  for _, intent in ipairs(intents) do redis.call('HSET', keys[2], intent[1], intent[2]) end
  for _, id in ipairs(leaving) do
    redis.call('ZREM', keys[3], id)
    redis.call('HDEL', keys[4], id)
    redis.call('ZADD', keys[5], args[6], id)
  end
  if #leaving > 0 then redis.call('ZREMRANGEBYRANK', keys[5], 0, -LEFT_MAX - 1) end
  return #intents
end

-- KEYS account, intents. ARGV confirmed: [key, kind, further copies, gate]. Each intent is counted once, when it goes.
local function settle(keys, args)
  local counts = { published = 0, duplicates = 0 }
  for _, confirmed in ipairs(cjson.decode(args[1])) do
    if redis.call('HDEL', keys[2], confirmed[1]) == 1 then
      counts.published = counts.published + 1
      counts.duplicates = counts.duplicates + confirmed[3]
      if confirmed[2] ~= 'entered' then counts[confirmed[2]] = (counts[confirmed[2]] or 0) + 1 end
      if confirmed[4] ~= '' then
        local gate = 'gate:' .. confirmed[4]
        counts[gate] = (counts[gate] or 0) + 1
      end
    end
  end
  add(keys[1], counts)
  return counts.published
end

-- KEYS parked, cars, left. ARGV cars: [key, due_us, car]. A car that is parked or has left is not parked again.
local function park(keys, args)
  local parked = 0
  for _, car in ipairs(cjson.decode(args[1])) do
    if not redis.call('ZSCORE', keys[3], car[1]) and redis.call('ZADD', keys[1], 'NX', car[2], car[1]) == 1 then
      redis.call('HSET', keys[2], car[1], car[3])
      parked = parked + 1
    end
  end
  return parked
end

-- KEYS parked, cars. ARGV now_us, count. Returns when the first is due ('' if nobody is parked), how many are parked,
-- then who is due.
local function due(keys, args)
  local ids = redis.call('ZRANGE', keys[1], '-inf', args[1], 'BYSCORE', 'LIMIT', 0, args[2])
  local answer = { '', redis.call('ZCARD', keys[1]) }
  local first = redis.call('ZRANGE', keys[1], 0, 0, 'WITHSCORES')
  if first[2] then answer[1] = first[2] end
  for _, id in ipairs(ids) do
    answer[#answer + 1] = redis.call('HGET', keys[2], id)
  end
  return answer
end

redis.register_function('parkstream_cameras_intend_' .. VERSION, intend)
-- What is confirmed goes, also when Redis is full.
redis.register_function{
  function_name = 'parkstream_cameras_settle_' .. VERSION, callback = settle, flags = { 'allow-oom' } }
redis.register_function('parkstream_cameras_park_' .. VERSION, park)
redis.register_function{ function_name = 'parkstream_cameras_due_' .. VERSION, callback = due, flags = { 'no-writes' } }
