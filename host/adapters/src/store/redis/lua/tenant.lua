-- Name of a tenant's own list beside that of the default tenant (of whom `owners` says nothing), in the same slot.
local function owned(list, tenant)
    if tenant then return list .. ':@' .. tenant end
    return list
end
