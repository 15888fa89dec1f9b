"""What is done with the index at once, and sent whole each time, so that no restart of Redis forgets it.

A Redis that is full allows all of it (``no-writes`` means that, too), and takes no MULTI: an entry is smaller than the
summary that leaves the outbox for it, and the days that are restored are few.
"""

from typing import Final

LOOK_UP: Final = """#!lua flags=no-writes
local at, answers = 1, {}
for i = 1, #KEYS do
  local first, last = at + 1, at + tonumber(ARGV[at])
  local there, values = redis.call('EXISTS', KEYS[i]), {}
  for from = first, last, 1000 do
    local found = redis.call('HMGET', KEYS[i], unpack(ARGV, from, math.min(from + 999, last)))
    for _, value in ipairs(found) do values[#values + 1] = value end
  end
  answers[i] = { there, values }
  at = last + 1
end
return answers
"""
"""KEYS: hashes. ARGV: per hash how many fields, fields. Returns of each whether it is there, and the fields' values."""
COMMIT: Final = """#!lua flags=allow-oom
local mark = redis.call('HMGET', KEYS[1], 'through_bytes', 'tail', 'head')
if (mark[1] or '0') ~= ARGV[1] or (mark[2] or '') ~= ARGV[2] or (mark[3] or '') ~= ARGV[3] then return 0 end
local first, starts = 9 + 2 * tonumber(ARGV[8]), {}
local at = first
for i = 2, #KEYS do
  local range = redis.call('HGET', KEYS[1], ARGV[at])
  if range and redis.call('EXISTS', KEYS[i]) == 0 then return 0 end
  starts[i] = range and string.match(range, '^%d+') or false
  at = at + 5 + 2 * tonumber(ARGV[at + 4])
end
redis.call('HSET', KEYS[1], 'through_bytes', ARGV[4], 'tail', ARGV[5], 'head', ARGV[6])
local position = redis.call('HGET', KEYS[1], 'position') or '0'
if tonumber(ARGV[7]) > tonumber(position) then redis.call('HSET', KEYS[1], 'position', ARGV[7]) end
for i = 9, first - 1, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
at = first
for i = 2, #KEYS do
  local seconds, fields = tonumber(ARGV[at + 3]), at + 5
  if not starts[i] then redis.call('UNLINK', KEYS[i]) end
  redis.call('HSET', KEYS[1], ARGV[at], (starts[i] or ARGV[at + 1]) .. ' ' .. ARGV[at + 2])
  at = fields + 2 * tonumber(ARGV[at + 4])
  for field = fields, at - 1, 2 do redis.call('HSET', KEYS[i], ARGV[field], ARGV[field + 1]) end
  if seconds > 0 then redis.call('EXPIRE', KEYS[i], seconds) end
end
return 1
"""
"""Only if nobody moved the mark meanwhile, and none of the days has expired.

KEYS: meta, the days. ARGV: the mark as it is and as it will be, position, how many counters, counters and their
changes; per day its field, start and end of its lines, for how many seconds it is kept, how many visits, their names
and entries.
"""
RESTORE: Final = """#!lua flags=allow-oom
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return redis.call('EXPIRE', KEYS[1], ARGV[1])
"""
"""KEYS: what is restored of a day. ARGV: for how many seconds it is kept, names of visits and their entries."""
RESTORED: Final = """#!lua flags=allow-oom
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] or redis.call('EXISTS', KEYS[3]) == 0 then return 0 end
if redis.call('EXISTS', KEYS[2]) == 1 then return redis.call('UNLINK', KEYS[3]) end
redis.call('RENAME', KEYS[3], KEYS[2])
return tonumber(ARGV[3]) > 0 and redis.call('EXPIRE', KEYS[2], ARGV[3]) or redis.call('PERSIST', KEYS[2])
"""
"""KEYS: meta, the day, what was restored of it. ARGV: the day's field, its range, for how many seconds it is kept."""
