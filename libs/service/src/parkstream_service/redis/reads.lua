-- What is read at one moment, also from a Redis that is full, which takes no MULTI.

-- ARGV: per command how many words, words. Returns what each answers. Redis lets it write nothing.
local function at_once(keys, args)
  local answers, at = {}, 1
  while at <= #args do
    local last = at + tonumber(args[at])
    answers[#answers + 1] = redis.call(unpack(args, at + 1, last))
    at = last + 1
  end
  return answers
end

redis.register_function{
  function_name = 'parkstream_at_once_' .. VERSION, callback = at_once, flags = { 'no-writes' } }
