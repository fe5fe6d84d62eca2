-- Health of a ModelDeployment, for Argo CD: the value of resource.customizations.health.modelserving.dev_ModelDeployment
-- in the ConfigMap argocd-cm. What each phase means for Argo CD is in docs/gitops.md.
local health = {
  Ready = "Healthy",
  Pinned = "Healthy",
  Pending = "Progressing",
  Progressing = "Progressing",
  Trial = "Progressing",
  Degraded = "Degraded",
  RolledBack = "Degraded",
  Failed = "Degraded",
  Paused = "Suspended",
  Stopped = "Suspended",
}

local hs = { status = "Progressing", message = "waiting for the operator" }
local status = obj.status
if status == nil or status.phase == nil or status.observedGeneration ~= obj.metadata.generation then
  return hs
end

hs.status = health[status.phase] or "Unknown"
local available = false
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Ready" then
    hs.message = condition.message
  elseif condition.type == "Available" then
    available = condition.status == "True"
  end
end

-- Enough pods answer, the rest is being replaced: as of a Deployment, nothing to wake somebody for.
if status.phase == "Degraded" and available then
  hs.status = "Progressing"
end

-- A trial that waits for a person, as a paused Rollout does.
if status.phase == "Trial" and status.trial ~= nil and status.trial.paused then
  hs.status = "Suspended"
end
return hs
