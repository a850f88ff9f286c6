-- Stores a version of a named endpoint. Answers 'done', 'stale', 'full', 'quota', or 'share' with the caller's endpoints and all.
local stored = redis.call('HGET', keys.endpoints, args.id)
local version, token = string.match(stored or '0 -', '^(%S+) (%S+)')
-- The same call was made before, and its answer was lost.
if token == args.token then return 'done' end
if tonumber(args.version) ~= tonumber(version) + 1 then return 'stale' end
if not stored and redis.call('HLEN', keys.endpoints) >= tonumber(args.endpoints_max) then return 'full' end
local is_current = creators_are_current()
if args.creator_max ~= '' then
    if not is_current then
        rebuild_creators()
        is_current = true
    end
    local all, own, of_tenant, prefix = 0, 0, 0, args.tenant_prefix
    local creators = redis.call('HGETALL', keys.creators)
    for index = 1, #creators, 2 do
        local id, creator = creators[index], creators[index + 1]
        if creator ~= '-' then
            all = all + 1
            if creator == '+' .. args.creator then own = own + 1 end
            local is_of_tenant = string.sub(id, 1, #prefix) == prefix
            if prefix == '' then is_of_tenant = not string.find(id, '.', 1, true) end
            if is_of_tenant then of_tenant = of_tenant + 1 end
        end
    end
    if own >= tonumber(args.creator_max) or own >= tonumber(args.endpoints_max) - all then return 'share ' .. own .. ' ' .. all end
    if args.tenant_max ~= '' and of_tenant >= tonumber(args.tenant_max) then return 'quota' end
end
redis.call('HSET', keys.endpoints, args.id, args.version .. ' ' .. args.token .. ' ' .. args.json)
local revision = redis.call('HINCRBY', keys.state, 'revision', 1)
if is_current then
    redis.call('HSET', keys.creators, args.id, args.creator_entry)
    redis.call('HSET', keys.state, 'creators_revision', revision)
end
return 'done'
