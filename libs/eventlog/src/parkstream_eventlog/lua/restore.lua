-- Builds the log anew beside itself, with archived records in front, and puts it in the place of the log.

local RECORD_FIELDS = 6  -- per record: type, id, body, recorded, published, traceparent
local RESTORED_MAX = 1000
local SWAPPED, MOVED, BEHIND = 0, 1, 4

local function last_position(stream)
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', '1')[1]
  return last and tonumber(string.match(last[1], '^%d+'))
end

-- KEYS: the log that is being restored. ARGV: the position of the first record, then RECORD_FIELDS per record, as
-- write takes them. Returns how many there are.
local function restore(keys, args)
  local first = whole(args[1], 'the position is no integer')
  local count = (#args - 1) / RECORD_FIELDS
  check(#keys == 1 and count >= 1 and count <= RESTORED_MAX and count == math.floor(count),
    'the arguments are no whole records')
  for i = 1, count do
    for nth = 4, 5 do
      local time = args[1 + (i - 1) * RECORD_FIELDS + nth]
      if time ~= '' then whole(time, 'a time is no integer') end
    end
  end
  local last = last_position(keys[1])
  check(not last or last == first - 1, 'these records do not come next: start the restore anew')
  for i = 1, count do
    write(keys[1], digits(first + i - 1), unpack(args, 2 + (i - 1) * RECORD_FIELDS, 1 + i * RECORD_FIELDS))
  end
  return redis.call('XLEN', keys[1])
end

-- Copy up to count records of the log behind those that are restored; return how many are left.
local function copy_behind(log, meta, restoring, count)
  local last = last_position(restoring)
  check(last, 'nothing is restored: start the restore anew')
  local entries = redis.call('XRANGE', log, digits(last + 1) .. '-0', '+', 'COUNT', digits(count))
  local position = tonumber(redis.call('HGET', meta, 'position') or 0)
  for i, entry in ipairs(entries) do
    check(entry[1] == digits(last + i) .. '-0', 'the log was archived meanwhile: start the restore anew')
  end
  check(last + #entries == math.min(position, last + count), 'the log was archived meanwhile: start the restore anew')
  for _, entry in ipairs(entries) do write_again(restoring, entry) end
  return position - last - #entries
end

-- KEYS: log, its meta, the log that is being restored. ARGV: how many. Returns how many are left.
local function copy(keys, args)
  local count = whole(args[1], 'the count is no integer')
  check(#keys == 3 and count >= 1 and count <= RESTORED_MAX, 'copy takes three keys and a count')
  return copy_behind(keys[1], keys[2], keys[3], count)
end

-- KEYS: log, its meta, the log that is being restored. ARGV: archived_through as it is and as it will be. Copies the
-- last records, at most RESTORED_MAX, and puts the restored log in the place of the log, when it has everything then.
-- Returns SWAPPED; or MOVED and how far the log is archived; or BEHIND.
local function swap(keys, args)
  check(#keys == 3 and #args == 2, 'swap takes three keys and two positions')
  local archived, through = whole(args[1], 'a position is no integer'), whole(args[2], 'a position is no integer')
  local state = redis.call('HMGET', keys[2], 'position', 'archived_through')
  if tonumber(state[2] or 0) ~= archived then return { MOVED, tonumber(state[2] or 0) } end
  redis.call('XLEN', keys[1])
  if copy_behind(keys[1], keys[2], keys[3], RESTORED_MAX) > 0 then return { BEHIND } end
  check(redis.call('XLEN', keys[3]) == tonumber(state[1]) - through, 'records are missing: start the restore anew')

  redis.call('UNLINK', keys[1])  -- RENAME would free it, and everybody would wait.
  redis.call('RENAME', keys[3], keys[1])
  redis.call('HSET', keys[2], 'archived_through', args[2])
  return { SWAPPED }
end

redis.register_function('parkstream_restore_' .. VERSION, guarded(restore))
redis.register_function('parkstream_copy_' .. VERSION, guarded(copy))
redis.register_function('parkstream_swap_' .. VERSION, guarded(swap))
