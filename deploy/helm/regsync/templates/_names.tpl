{{- define "regsync.name" -}}
{{- if contains "regsync" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-regsync{{ end -}}
{{- end }}

{{- define "regsync.labels" -}}
app.kubernetes.io/name: regsync
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* The files of the ConfigMap. */}}
{{- define "regsync.files" -}}
regsync.yaml: |
{{ toYaml .Values.spec | indent 2 }}
{{- range $name, $text := .Values.files }}
{{ $name }}: |
{{ $text | indent 2 }}
{{- end }}
{{- end }}

{{- /* Its name ends in a digest of them, so that other files are another pod template, and reach the nodes by and by. */}}
{{- define "regsync.config" -}}
{{ include "regsync.name" . }}-{{ include "regsync.files" . | sha256sum | trunc 10 }}
{{- end }}

{{- /* A container without its name and arguments. */}}
{{- define "regsync.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
env:
  - name: NODE_NAME
    valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
securityContext:
  runAsUser: 0
  runAsGroup: 0
  privileged: false
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
    add: [CHOWN, DAC_OVERRIDE, FOWNER]
  seccompProfile: {type: RuntimeDefault}
  {{- if semverCompare ">=1.30-0" .Capabilities.KubeVersion.Version }}
  appArmorProfile: {type: Unconfined}
  {{- end }}
  {{- with .Values.seLinuxOptions }}
  seLinuxOptions: {{ toJson . }}
  {{- end }}
resources: {{ toJson .Values.resources }}
volumeMounts:
  - {name: spec, mountPath: /etc/regsync, readOnly: true}
  - {name: tmp, mountPath: /tmp}
  - {name: etc, mountPath: /host/etc}
  - {name: state, mountPath: /host/var/lib/regsync}
  {{- if ne .Values.runtime "containerd" }}
  - {name: microk8s, mountPath: /host/var/snap/microk8s, mountPropagation: HostToContainer}
  {{- end }}
  - {name: run, mountPath: /host/run, readOnly: true, mountPropagation: HostToContainer}
  - {name: status, mountPath: /host/run/regsync}
  {{- range $i, $dir := .Values.extraHostPaths }}
  - {name: extra-{{ $i }}, mountPath: {{ printf "/host%s" $dir.path | quote }}, readOnly: {{ $dir.readOnly | default false }}}
  {{- end }}
{{- end }}
