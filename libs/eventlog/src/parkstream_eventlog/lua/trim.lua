-- Takes archived records out of the log, never past somebody who still wants them.

local TRIM_MAX = 10000
local EXPIRED_MAX = 1000
local DONE, MOVED, UNKNOWN, HELD = 0, 1, 2, 3

-- The versions that a projection has: those in the set; before there was a set, the first if it has begun.
local function versions_in(projections, metas)
  local versions = redis.call('SMEMBERS', projections)
  if #versions == 0 and metas['1'] and redis.call('EXISTS', metas['1']) == 1 then versions = { '1' } end
  return versions
end

-- The first projection that has not taken in everything up to through.
local function projection_behind(versions, metas, through)
  for _, version in ipairs(versions) do
    local checkpoint = tonumber(redis.call('HGET', metas[version], 'checkpoint') or 0)
    if checkpoint < through then return { HELD, 'projection', version, checkpoint, 0 } end
  end
end

local function parse_lease(name, value)
  local position, until_us = string.match(value, '^(%d+):(%d+)$')
  check(position, 'the lease of ' .. name .. ' is none: ' .. string.sub(value, 1, 40))
  return tonumber(position), tonumber(until_us)
end

-- The first reader that still wants what stands before through, and the leases that have run out.
local function lease_behind(leases, through)
  local now_us, all, expired, behind = time_us(), redis.call('HGETALL', leases), {}, nil
  for i = 1, #all, 2 do
    local position, until_us = parse_lease(all[i], all[i + 1])
    if until_us <= now_us then
      expired[#expired + 1] = all[i]
    elseif position < through then
      behind = behind or { HELD, 'lease', all[i], position, until_us }
    end
  end
  return behind, expired
end

-- Take the meta of each projection version as 'version to key'; a key must be that of its version.
local function metas_of(keys, args, first_key, first_arg)
  local metas = {}
  check(#keys - first_key == #args - first_arg, 'there is one key per projection version')
  for i = first_key, #keys do
    local version = args[first_arg + i - first_key]
    local suffix = ':projection:' .. version .. ':meta'
    check(string.sub(keys[i], -#suffix) == suffix, 'a key is not that of its projection version')
    metas[version] = keys[i]
  end
  return metas
end

-- KEYS: log, meta, projections, leases, the meta of each projection. ARGV: archived_through as it is and as it will be,
-- then the version of each projection. Takes away the records up to there. Returns DONE; or MOVED and how far the log
-- is archived; or UNKNOWN when there are other projections; or HELD, by what, its name, its position, until when (us).
local function trim(keys, args)
  check(#keys >= 4 and #args >= 2, 'trim takes the log, its meta, projections, leases, and two positions')
  local from, through = whole(args[1], 'a position is no integer'), whole(args[2], 'a position is no integer')
  check(through > from and through - from <= TRIM_MAX, 'at most ' .. TRIM_MAX .. ' records are trimmed at once')
  local metas = metas_of(keys, args, 5, 3)
  local state = redis.call('HMGET', keys[2], 'position', 'archived_through')
  check(through <= tonumber(state[1] or 0), 'the log ends before ' .. args[2])
  if tonumber(state[2] or 0) ~= from then return { MOVED, tonumber(state[2] or 0) } end
  local versions = versions_in(keys[3], metas)
  for _, version in ipairs(versions) do
    if not metas[version] then return { UNKNOWN } end
  end
  local behind, expired = lease_behind(keys[4], through)
  behind = projection_behind(versions, metas, through) or behind
  if behind then return behind end
  redis.call('XLEN', keys[1])

  redis.call('XTRIM', keys[1], 'MINID', digits(through + 1) .. '-0')
  redis.call('HSET', keys[2], 'archived_through', args[2])
  if #expired > 0 then redis.call('HDEL', keys[4], unpack(expired, 1, math.min(#expired, EXPIRED_MAX))) end
  return { DONE }
end

-- KEYS: leases. ARGV: name, position, for how long (us). Returns until when.
local function lease(keys, args)
  check(#keys == 1 and #args == 3 and args[1] ~= '', 'lease takes the leases, a name, a position and a time')
  local until_us = digits(time_us() + whole(args[3], 'the time is no integer'))
  check(whole(args[2], 'the position is no integer') >= 0, 'the position is negative')
  redis.call('HSET', keys[1], args[1], args[2] .. ':' .. until_us)
  return tonumber(until_us)
end

-- These two help a Redis that is full.
redis.register_function({ function_name = 'parkstream_trim_' .. VERSION, callback = guarded(trim), flags = { 'allow-oom' } })
redis.register_function({ function_name = 'parkstream_lease_' .. VERSION, callback = guarded(lease), flags = { 'allow-oom' } })
