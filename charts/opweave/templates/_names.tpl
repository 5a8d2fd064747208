{{/*
Names are the same in every release, because step pods call the Service by its name; what is cluster-scoped carries the
namespace, so that releases in several namespaces do not meet.
*/}}

{{- define "opweave.clusterName" -}}
opweave:{{ .Release.Namespace }}
{{- end }}

{{- define "opweave.selectorLabels" -}}
app.kubernetes.io/name: opweave
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "opweave.labels" -}}
app.kubernetes.io/name: opweave
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: opweave
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- end }}

{{- define "opweave.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary "opweave" "default" .Values.serviceAccount.create) }}
{{- end }}

{{- define "opweave.claimName" -}}
{{- .Values.persistence.existingClaim | default "opweave-data" }}
{{- end }}

{{/* A reference to an image: {repository, tag, digest} and the version that an empty tag means. */}}
{{- define "opweave.image" -}}
{{- $image := .image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .version }}
{{- end -}}
{{- end }}

{{/* The namespaces to serve, with commas; empty means all. */}}
{{- define "opweave.watchNamespaces" -}}
{{- if .Values.watchNamespaces -}}
{{- join "," (.Values.watchNamespaces | uniq) -}}
{{- else if .Values.rbac.namespaced -}}
{{- .Release.Namespace -}}
{{- end -}}
{{- end }}
