-- The health of a SealedSecret. Argo CD runs it without libraries, and takes the table that it returns.
local function health(status, message)
  return { status = status, message = message }
end

if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "is being deleted")
end

local status = obj.status or {}
-- What was said about an older spec says nothing about this one. Old controllers do not tell which they have seen.
if status.observedGeneration ~= nil and status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "waiting for the controller to see the last change")
end

for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Synced" and condition.status == "True" then
    return health("Healthy", "the Secret is in place")
  end
  if condition.type == "Synced" and condition.status == "False" then
    return health("Degraded", condition.message or "the controller could not make the Secret")
  end
end

return health("Progressing", "waiting for the controller to open it")
