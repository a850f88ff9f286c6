-- A number as text that reads back to the same number, to the last bit.
local function exact(number)
    return string.format('%.17g', number)
end
