-- The shape of a record, and every XADD to a log. It stands in front of each library that writes one, so that a library
-- may append and do something of its own in one step.
--
-- Redis does not roll back: whatever can fail comes before the first write.

local DAY_SECONDS = 86400
local DIGEST_BYTES = 8
local CODE_AND_TIME_BYTES = 6  -- before the id in a field of the id index: a letter, and the time of the day in five bytes
local DECISION = 'D'  -- the letter that decisions are remembered under, of which no time is known
local UUID = '%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x'
local UUID_BYTES = 16
-- The first arguments of what writes: log id, the position known to be durable, wall clock (us), clock since the boot
-- (us), which boot that is, and the offset of Redis' clock to that one which is taken although it is new.
local CALLER = 6
local CLOCK_US_MAX = 60 * 1000000  -- what two clocks may be apart, and a clock may step
local CLOCK_NEWS_US = 1000000  -- what a clock must have drifted by before that is noted
local BOOTS_MAX = 50
local INTEGER_MAX = 2 ^ 53

local function refuse(what)
  error({ err = 'ERR ' .. LIBRARY .. ': ' .. what })
end

local function check(fine, what)
  if not fine then refuse(what) end
end

local function whole(text, what)
  local number = text and string.find(text, '^%-?%d+$') and tonumber(text)
  check(number and number < INTEGER_MAX and number > -INTEGER_MAX, what)
  return number
end

local function count_of(text, what)
  local number = whole(text, what)
  check(number >= 0, what)
  return number
end

local function digits(number)
  return string.format('%d', number)
end

local function time_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- Where the log stands, and its time: Redis' own, never going back. Its offset is known to the clock since this boot.
local function clock(meta, boot)
  local now_us = time_us()
  local state = redis.call('HMGET', meta, 'position', 'recorded_at_us', 'log_id', 'clock_taken_us',
    'clock:' .. (boot or ''))
  return {
    today = math.floor(now_us / 1000000 / DAY_SECONDS),
    now_us = now_us,
    recorded_at_us = math.max(now_us, tonumber(state[2] or 0)),
    position = tonumber(state[1] or 0),
    log_id = state[3] or '',
    taken_us = state[4] and tonumber(state[4]),
    known_us = state[5] and tonumber(state[5]),
  }
end

-- Which log there is, and where it ends.
local function extent(meta)
  local state = redis.call('HMGET', meta, 'position', 'log_id')
  return { position = tonumber(state[1] or 0), log_id = state[2] or '' }
end

-- The answer to a caller who means another log, or knows this one to have been longer; nothing when all is well.
local function other_log(now, log_id, durable_position)
  check(log_id ~= '', 'the caller names no log')
  local durable = count_of(durable_position, 'the durable position is no number')
  if now.log_id ~= log_id then return redis.error_reply('OTHERLOG ' .. now.log_id) end
  if now.position < durable then return redis.error_reply('SHORTERLOG ' .. digits(now.position)) end
end

-- By how much Redis' clock has stepped: against the one since the boot, or else back behind the last record, or behind
-- what a person has taken since.
local function step_of(now)
  if now.known_us then return now.offset_us - now.known_us end
  return math.min(0, now.now_us - (now.taken_us or now.recorded_at_us))
end

-- The answer to a caller whose clock is another one than Redis', or while Redis' has stepped and nobody has taken that.
local function untimely(now, args)
  local apart_us, step_us = now.now_us - tonumber(args[3]), step_of(now)
  now.stepped = math.abs(step_us) > CLOCK_US_MAX
  now.apart = math.abs(apart_us) > CLOCK_US_MAX
  if now.apart then return redis.error_reply('CLOCKSAPART ' .. digits(apart_us)) end
  local taken = args[6] ~= '' and math.abs(now.offset_us - tonumber(args[6])) <= CLOCK_US_MAX
  if now.stepped and not taken then
    return redis.error_reply('CLOCKSTEPPED ' .. digits(step_us) .. ' ' .. digits(now.offset_us))
  end
end

local function forget_boots(meta, most)
  local boots = {}
  for _, field in ipairs(redis.call('HKEYS', meta)) do
    if string.sub(field, 1, 6) == 'clock:' then boots[#boots + 1] = field end
  end
  if #boots > most then redis.call('HDEL', meta, unpack(boots)) end
end

-- Note what Redis' clock shows against the one since the boot, when that is news; a step that was taken is counted.
local function note_clock(meta, now, boot)
  if now.taken_us and now.now_us >= now.recorded_at_us then redis.call('HDEL', meta, 'clock_taken_us') end
  if now.known_us and math.abs(now.offset_us - now.known_us) < CLOCK_NEWS_US then return end
  if not now.known_us then forget_boots(meta, BOOTS_MAX) end
  redis.call('HSET', meta, 'clock:' .. boot, digits(now.offset_us))
  if now.stepped then redis.call('HINCRBY', meta, 'clock_steps', '1') end
end

-- The same for a function that takes the caller first; and the answer while a clock has stepped.
local function misled(now, args)
  whole(args[3], 'the clock of the caller is no integer')
  now.offset_us = now.now_us - whole(args[4], 'the clock of the caller is no integer')
  check(args[5] ~= '', 'the caller names no boot')
  if args[6] ~= '' then whole(args[6], 'an offset is no integer') end
  return other_log(now, args[1], args[2]) or untimely(now, args)
end

-- What writes beside the log: its last key is the log's meta, its last two arguments say which log the caller means, and
-- how far it knows it to be durable. Neither reaches the function.
local function guarded(write_beside)
  return function(keys, args)
    check(#keys > 0 and #args > 1, 'the meta of the log comes last, and which log is meant')
    local meta, durable_position, log_id = table.remove(keys), table.remove(args), table.remove(args)
    return other_log(extent(meta), log_id, durable_position) or write_beside(keys, args)
  end
end

-- The id in a field of the id index; a UUID stands there in 16 bytes, after a small letter.
local function id_in(field)
  if string.sub(field, 1, 1) == DECISION then return string.sub(field, 2) end
  local id = string.sub(field, CODE_AND_TIME_BYTES + 1)
  if not string.find(field, '^%l') then return id end
  check(#id == UUID_BYTES, 'a UUID has the wrong length')
  return string.format(UUID, string.byte(id, 1, UUID_BYTES))
end

local function write(log, position, type, id, body, recorded, published, traceparent)
  redis.call('XADD', log, position .. '-0', 'type', type, 'id', id, 'body', body, 'recorded', recorded,
    'published', published, 'traceparent', traceparent)
end

-- Write an entry of another stream of the same log as it is.
local function write_again(log, entry)
  redis.call('XADD', log, entry[1], unpack(entry[2]))
end

-- Until forget: nothing expires by itself, since Redis' clock may be wrong for a moment.
local function remember(bucket, entries)
  redis.call('HSET', bucket, unpack(entries))
end

-- Note where the log ends, and the latest record of each category.
local function note_end(meta, position, recorded, latest)
  local values = { 'position', position, 'recorded_at_us', recorded }
  for category, value in pairs(latest) do
    values[#values + 1] = 'latest:' .. category
    values[#values + 1] = value
  end
  redis.call('HSET', meta, unpack(values))
end

local function latest_position(meta, category)
  local value = redis.call('HGET', meta, 'latest:' .. category)
  return value and tonumber(string.match(value, '^%d+')) or 0
end

-- The day buckets among the keys, from the third one on; their days stand in the arguments from first on.
local function buckets_of(keys, args, first, oldest_day)
  local buckets = {}
  for i = 3, #keys do
    local text = args[first + i - 3]
    local day = whole(text, 'a day is no integer')
    check(string.sub(keys[i], -#text - 1) == ':' .. text, 'a key is not that of its day')
    buckets[i - 2] = { key = keys[i], day = day, too_old = day < oldest_day, asked = {}, known = {}, entries = {} }
  end
  return buckets
end

-- The groups that events are in: how many, then per group the number of its bucket and its category. Returns them, and
-- where the arguments go on.
local function groups_of(args, at, buckets)
  local groups, count = {}, count_of(args[at], 'the number of groups is none')
  check(at + 2 * count <= #args, 'a group is missing')
  for i = 1, count do
    local bucket = buckets[whole(args[at + 2 * i - 1], 'a bucket is no number')]
    check(bucket, 'a bucket is not among the keys')
    groups[i] = { bucket = bucket, category = args[at + 2 * i] }
  end
  return groups, at + 2 * count + 1
end
