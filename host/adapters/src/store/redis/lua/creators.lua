-- `keys.creators` maps an endpoint's id to '+' and its creator; to '-' where the endpoint does not count, because it has nothing
-- sealed and so is no more than the state of an endpoint of a morag.toml. Endpoints are counted by it, without reading up to 60 MB.

-- Whether the creators are those of the endpoints as they are now. A process of an earlier version changes endpoints and does not
-- record creators, but raises the revision.
local function creators_are_current()
    local state = redis.call('HMGET', keys.state, 'revision', 'creators_revision')
    return state[2] and state[1] == state[2]
end
