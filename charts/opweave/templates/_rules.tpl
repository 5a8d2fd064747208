{{/*
What the controller may do where code locations live. No Secret is ever read: their names go into pods, the kubelet reads
them. Each line says what needs it.
*/}}
{{- define "opweave.workloadRules" -}}
# Our kinds: watched, launch annotations and finalizers patched, status written.
- apiGroups: [opweave.dev]
  resources: [codelocations, jobs, schedules, sensors, instances]
  verbs: [get, list, watch, patch]
- apiGroups: [opweave.dev]
  resources: [codelocations/status, jobs/status, schedules/status, sensors/status, instances/status]
  verbs: [get, patch]
# Owner references that block deletion, where that admission is on.
- apiGroups: [opweave.dev]
  resources: [codelocations/finalizers, jobs/finalizers, schedules/finalizers, sensors/finalizers]
  verbs: [update]
# Discovery: objects for what the code defines.
- apiGroups: [opweave.dev]
  resources: [jobs, schedules, sensors]
  verbs: [create, delete]
# A run's Job; its status is ours to write (managedBy).
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [batch]
  resources: [jobs/status]
  verbs: [get, patch]
- apiGroups: [batch]
  resources: [jobs/finalizers]
  verbs: [update]
# A pod per step attempt.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, create, patch, delete]
# Code servers, and why they do not start.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch, delete]
# Code in a ConfigMap: watched for changes; a run keeps an immutable copy of the version it was launched with.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch, delete]
# Reasons of pods that do not start; what happens to our objects.
- apiGroups: [""]
  resources: [events]
  verbs: [get, list, watch, create, patch]
{{- end }}
