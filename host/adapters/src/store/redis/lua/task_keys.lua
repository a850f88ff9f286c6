-- Sends a command for each key of a task.
local function each_task_key(command, ...)
    for _, key in ipairs({ keys.task, keys.history, keys.cursors, keys.deliveries, keys.attempts }) do
        redis.call(command, key, ...)
    end
end
