-- Each request carries a number of its own, and each answer must contain one that was asked for and is not answered yet.
-- After the window nothing more is sent, so that all that was sent is answered when wrk ends, and counts.
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } kernel_time;
  int clock_gettime(int clock, kernel_time *time);
]]
local MONOTONIC = 1
local place = ffi.new("kernel_time")

local function now()
  ffi.C.clock_gettime(MONOTONIC, place)
  return tonumber(place.seconds) + tonumber(place.nanoseconds) / 1e9
end

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

-- Arguments: seconds of the window, what stands before the number in the path.
function init(arguments)
  window, prefix = tonumber(arguments[1]), arguments[2]
  head, tail = "GET " .. prefix, " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port .. "\r\n\r\n"
  sent, answered, wrong, seconds = 0, 0, 0, 0
  awaited = {}
end

function request()
  -- wrk looks at one request before it begins.
  if not probed then
    probed = true
    return head .. 0 .. tail
  end
  local time = now()
  begin = begin or time
  -- An empty request is none, and ends its connection's turn.
  if time - begin > window then return "" end
  sent = sent + 1
  awaited[sent] = true
  return head .. sent .. tail
end

function response(status, headers, body)
  local number = tonumber(body:match("%d+"))
  if status == 200 and number and awaited[number] then
    awaited[number] = nil
    answered = answered + 1
  else
    wrong = wrong + 1
  end
  seconds = now() - begin
end

function done(summary, latency)
  local thread = threads[1]
  print(string.format(
    '{"sent": %d, "answered": %d, "wrong": %d, "seconds": %.6f, "p50_us": %d, "p99_us": %d}',
    thread:get("sent"), thread:get("answered"), thread:get("wrong"), thread:get("seconds"),
    latency:percentile(50), latency:percentile(99)))
end
