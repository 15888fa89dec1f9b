-- What is on its way to a server, and the only writers of the outbox. The source of the log stands before it.

local CHUNK = 1000  -- unpack puts this many values on Lua's stack, which holds 8000
local OUTBOX_FIELDS = 6  -- per item: id, key, revision, item, recorded, traceparent

-- Call command with the arguments from first to last, a chunk at a time; each chunk holds whole groups.
local function in_chunks(command, key, args, first, last, group)
  local step = CHUNK - CHUNK % group
  for from = first, last, step do
    redis.call(command, key, unpack(args, from, math.min(from + step - 1, last)))
  end
end

-- The first item to emit: those up to emitted_through were emitted before. All ids must grow beyond it.
local function first_to_emit(args, list, emitted_through, through)
  local first, position, nth = list.last + 1, emitted_through, -1
  for i = list.first, list.last, OUTBOX_FIELDS do
    local left, right = string.match(args[i], '^(%d+)%-(%d+)$')
    left, right = count_of(left, 'an outbox id is none'), count_of(right, 'an outbox id is none')
    check(left <= through, 'an item is ahead of its records')
    if left > emitted_through then
      check(left > position or (left == position and right > nth), 'the ids of items do not grow')
      position, nth = left, right
      first = math.min(first, i)
    end
  end
  return first
end

-- Put the item whose fields begin at an argument into the outbox, as the entry with an id.
local function emit_one(outbox, id, args, at, projected)
  redis.call('XADD', outbox, id, 'key', args[at + 1], 'revision', args[at + 2], 'item', args[at + 3],
    'recorded', args[at + 4], 'traceparent', args[at + 5], 'projected', projected)
end

local function emit(args, outbox, first, last)
  local projected = digits(time_us())
  for i = first, last, OUTBOX_FIELDS do emit_one(outbox, args[i], args, i, projected) end
end

-- KEYS: outbox. ARGV: consumer group. Makes the group, which takes from the first item on, unless it is there.
local function group(keys, args)
  check(#keys == 1 and #args == 1, 'group takes the outbox and a group')
  local made = redis.pcall('XGROUP', 'CREATE', keys[1], args[1], '0', 'MKSTREAM')
  if type(made) == 'table' and made.err and not string.find(made.err, '^BUSYGROUP') then return made end
  return 1
end

-- KEYS: outbox, its meta. ARGV: consumer group, ids. Returns how many were there.
local function settle(keys, args)
  check(#keys == 2 and #args > 1, 'settle takes the outbox, its meta, a group and ids')
  redis.call('XLEN', keys[1])
  redis.call('HLEN', keys[2])
  local gone = 0
  for from = 2, #args, CHUNK do
    local to = math.min(from + CHUNK - 1, #args)
    redis.call('XACK', keys[1], args[1], unpack(args, from, to))
    gone = gone + redis.call('XDEL', keys[1], unpack(args, from, to))
  end
  if gone > 0 then redis.call('HINCRBY', keys[2], 'delivered', gone) end
  return gone
end

-- KEYS: outbox, parked. ARGV: consumer group, id, what to keep. Returns 1, or 0 when the outbox has it no more.
local function park(keys, args)
  check(#keys == 2 and #args == 3, 'park takes the outbox, the parked, a group, an id and a value')
  redis.call('HLEN', keys[2])
  redis.call('XACK', keys[1], args[1], args[2])
  local there = redis.call('XDEL', keys[1], args[2])
  if there == 1 then redis.call('HSET', keys[2], args[2], args[3]) end
  return there
end

-- KEYS: outbox, parked, the outbox's meta. ARGV: per item what commit takes. Each gets an id after all that were
-- emitted and before all that will be. Returns how many were parked still.
local function redrive(keys, args)
  check(#keys == 3 and #args % OUTBOX_FIELDS == 0, 'redrive takes the outbox, the parked, its meta, and items')
  redis.call('HLEN', keys[2])
  local id = (redis.call('HGET', keys[3], 'emitted_through') or '0') .. '-*'
  local projected, back = digits(time_us()), 0
  for i = 1, #args, OUTBOX_FIELDS do
    if redis.call('HEXISTS', keys[2], args[i]) == 1 then
      emit_one(keys[1], id, args, i, projected)
      redis.call('HDEL', keys[2], args[i])
      back = back + 1
    end
  end
  return back
end

-- How many items were emitted and are neither waiting nor parked nor delivered: somebody has deleted them.
local function gone_from(outbox, parked, meta)
  local sum, counts = 0, redis.call('HMGET', meta, 'emitted', 'emitted_again', 'delivered')
  for i = 1, 3 do sum = sum + (i == 3 and -1 or 1) * tonumber(counts[i] or 0) end
  return sum - redis.call('XLEN', outbox) - redis.call('HLEN', parked)
end

-- KEYS: outbox, parked, the outbox's meta. ARGV: per item what commit takes, the id aside. Each gets an id as redrive
-- gives one; as many as are gone take the place of those. Returns how many there are.
local function emit_again(keys, args)
  check(#keys == 3 and #args % OUTBOX_FIELDS == 0, 'emit_again takes the outbox, the parked, its meta, and items')
  local gone = math.max(0, gone_from(keys[1], keys[2], keys[3]))
  local id = (redis.call('HGET', keys[3], 'emitted_through') or '0') .. '-*'
  local projected, again = digits(time_us()), #args / OUTBOX_FIELDS
  for i = 1, #args, OUTBOX_FIELDS do emit_one(keys[1], id, args, i, projected) end
  if again > gone then redis.call('HINCRBY', keys[3], 'emitted_again', again - gone) end
  return again
end

-- KEYS: outbox, parked, the outbox's meta. What is gone counts as delivered from now on; returns how many that are.
local function reconcile(keys, args)
  check(#keys == 3 and #args == 0, 'reconcile takes the outbox, the parked, and its meta')
  local gone = gone_from(keys[1], keys[2], keys[3])
  if gone > 0 then redis.call('HINCRBY', keys[3], 'delivered', gone) end
  if gone < 0 then redis.call('HINCRBY', keys[3], 'emitted', -gone) end
  return gone
end

-- Take away consumers that nobody has seen for a time, with what they hold only if that is nothing: what is pending
-- would never be delivered. KEYS: outbox. ARGV: consumer group, for how long at least (ms). Returns how many.
local function forget_consumers(keys, args)
  check(#keys == 1 and #args == 2, 'forget_consumers takes the outbox, a group and a time')
  local idle_ms, gone = count_of(args[2], 'the time is no number'), 0
  for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', keys[1], args[1])) do
    local one = {}
    for i = 1, #flat, 2 do one[flat[i]] = flat[i + 1] end
    if one.pending == 0 and one.idle >= idle_ms then
      redis.call('XGROUP', 'DELCONSUMER', keys[1], args[1], one.name)
      gone = gone + 1
    end
  end
  return gone
end

-- These help a Redis that is full: what one of them keeps is less than what it takes away.
local function register_freeing(name, callback)
  redis.register_function({ function_name = name .. VERSION, callback = callback, flags = { 'allow-oom' } })
end

register_freeing('parkstream_settle_', guarded(settle))
register_freeing('parkstream_park_', guarded(park))
register_freeing('parkstream_forget_consumers_', guarded(forget_consumers))
redis.register_function('parkstream_redrive_' .. VERSION, guarded(redrive))
redis.register_function('parkstream_emit_again_' .. VERSION, guarded(emit_again))
redis.register_function('parkstream_reconcile_' .. VERSION, guarded(reconcile))
redis.register_function('parkstream_group_' .. VERSION, guarded(group))
