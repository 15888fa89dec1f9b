-- Takes in the streams of a log that moves here from another Redis. The source of the log stands before it.

-- KEYS: stream, the log's meta. ARGV: per entry its id, how many names and values it has, and these. The log must not be
-- open here. Returns how many entries there are.
local function take_in(keys, args)
  check(#keys == 2 and #args > 0, 'take_in takes a stream, the meta of its log, and entries')
  local log_id = extent(keys[2]).log_id
  if log_id ~= '' then return redis.error_reply('OTHERLOG ' .. log_id) end
  local entries, at = {}, 1
  while at <= #args do
    local count = count_of(args[at + 1], 'an entry has no number of fields')
    check(count > 0 and count % 2 == 0 and at + 1 + count <= #args, 'an entry is not whole')
    entries[#entries + 1] = { args[at], { unpack(args, at + 2, at + 1 + count) } }
    at = at + 2 + count
  end
  for _, entry in ipairs(entries) do write_again(keys[1], entry) end
  return redis.call('XLEN', keys[1])
end

redis.register_function('parkstream_take_in_' .. VERSION, take_in)
