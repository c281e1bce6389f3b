--[[
rawinlay in darktable: the RAWs that selected JPEGs carry, as DNGs beside them, imported.

Put this file into darktable's folder lua/contrib and `require "contrib/rawinlay"` into its luarc (both in
~/.config/darktable). In the lighttable a button "RAW out of the JPEG" stands under "actions on selection"; a shortcut
can be set. Wants `rawinlay` on the PATH, or its path in the preferences.

Without a folder of DNGs: `rawinlay mount DIR MOUNTPOINT`, and import MOUNTPOINT.
]]

local dt = require "darktable"
local M = {}

local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function program()
  local set = dt.configuration.has_gui and dt.preferences.read("rawinlay", "program", "string") or ""
  return set ~= "" and set or "rawinlay"
end

-- The DNG's path for a JPEG's: IMG_1.jpg -> IMG_1.dng
function M.dng_of(jpeg)
  return (jpeg:gsub("%.[^.]*$", "")) .. ".dng"
end

-- Write the DNG of a JPEG. Its path, or nil and the line that rawinlay says.
function M.decode(jpeg)
  local dng = M.dng_of(jpeg)
  local command = quoted(program()) .. " decode --quiet " .. quoted(jpeg) .. " -o " .. quoted(dng) .. " 2>&1"
  local pipe = io.popen(command)
  local said = pipe:read("*a")
  local ok = pipe:close()
  if ok then
    return dng
  end
  return nil, (said:gsub("%s+$", ""))
end

-- Decode and import the RAWs of some images; how many, and what went wrong, a line each.
function M.run(images)
  local done, wrong = 0, {}
  for _, image in ipairs(images) do
    local path = image.path .. "/" .. image.filename
    if path:lower():match("%.jpe?g$") then
      local dng, why = M.decode(path)
      if dng then
        local new = dt.database.import(dng)
        if new and new.group_with then
          new:group_with(image.group_leader)
        end
        done = done + 1
      else
        wrong[#wrong + 1] = why
      end
    end
  end
  return done, wrong
end

local function pressed(_, images)
  local done, wrong = M.run(images)
  dt.print("rawinlay: " .. done .. " RAWs" .. (#wrong > 0 and "; " .. table.concat(wrong, "; ") or ""))
end

-- Asking for the window's parts waits for ever where there is none (darktable-cli).
if dt.configuration.has_gui then
  dt.preferences.register("rawinlay", "program", "string", "rawinlay: program", "path of the program", "rawinlay")
  dt.gui.libs.image.register_action("rawinlay", "RAW out of the JPEG", pressed, "write and import the RAW it carries")
  dt.register_event("rawinlay", "shortcut", function(event, _)
    pressed(event, dt.gui.action_images)
  end, "rawinlay: RAW out of the JPEG")
end

return M
