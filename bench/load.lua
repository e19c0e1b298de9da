-- wrk script: POST the lines of a file, each thread its own share, in order, from the start again at the end.
-- Arguments behind `--`: the file; then, for a request that must not be repeated, a text unlike any other run's.
-- A header goes in with wrk's own -H.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
  for number, each in ipairs(threads) do
    each:set("share", number)
    each:set("shares", #threads)
  end
end

function init(args)
  run = args[2]
  sent = 0
  bodies = {}
  requests = {}
  wrk.headers["Content-Type"] = "application/json"
  local number = 0
  for line in io.lines(args[1]) do
    number = number + 1
    if number % shares == share - 1 then
      table.insert(bodies, line)
      if not run then table.insert(requests, wrk.format("POST", nil, nil, line)) end
    end
  end
end

local function once(body)
  wrk.headers["Idempotency-Key"] = string.format("%s-%d-%d", run, share, sent)
  return wrk.format("POST", nil, nil, body)
end

function request()
  local turn = sent % #bodies + 1
  sent = sent + 1
  if run then return once(bodies[turn]) end
  return requests[turn]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
