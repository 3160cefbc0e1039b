package schema_test

import "github.com/invopop/jsonschema"

type node = jsonschema.Schema

// texts are the patterns of strings, by TYPE.KEY; of the elements where the key is a list, of the values where it is a mapping.
var texts = map[string]string{
	"Node.hostsFile":        absolute,
	"Containerd.socket":     absolute,
	"Containerd.certsDir":   `/[^\x00-\x1f\x7f"\\:]*`,
	"Containerd.configFile": absolute,
	"Containerd.namespace":  `[A-Za-z0-9]+([._-][A-Za-z0-9]+)*`,
	"Docker.configFile":     absolute,
	"Docker.socket":         absolute,
	"Cluster.owner":         `[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?`,
	"Cluster.kubeconfig":    absolute,

	"Registry.host":    registry,
	"Registry.server":  url,
	"Registry.address": ipv4 + `|` + ipv6,
	"Mirror.registry":  `\*|` + registry,
	"Endpoint.url":     url,
	"ClientCert.cert":  path,
	"ClientCert.key":   path,

	"HostsLine.address": ipv4 + `|` + ipv6,
	"HostsLine.names":   hostname,

	"Credential.registries":   registry,
	"Credential.username":     `[^\x00-\x1f\x7f:]+`,
	"Credential.dockerConfig": path,
	"Credential.helper":       `[A-Za-z0-9][A-Za-z0-9._-]*`,
	"Secret.file":             path,
	"Secret.env":              `[A-Za-z_][A-Za-z0-9_]*`,
	"Match.file":              absolute,
	"Secret.systemd":          `[^\x00-\x1f\x7f/]+`,

	"Preload.sha256":   `[0-9a-f]{64}`,
	"Preload.images":   image,
	"Preload.platform": `[a-z0-9]+/[a-z0-9_]+(/[a-z0-9.]+)?`,
	"Preload.as":       image,
	"Preload.image":    image,
	"Verify.images":    image,

	"PullSecret.name":            subdomain,
	"PullSecret.namespaces":      `[a-z0-9*?\[\]!^-]+`,
	"PullSecret.serviceAccounts": subdomain,

	"RegistryAddon.size":         `([2-9][0-9]|[1-9][0-9]{2,})Gi`,
	"RegistryAddon.storageClass": subdomain,

	"Policy.adoptFrom": `[a-z0-9]([a-z0-9-]*[a-z0-9])?`,
	"Effects.window":   `(daily|` + days + `(,` + days + `)*) ` + time + `-` + time,
}

// free are strings that may be empty, or hold line breaks.
var free = map[string]bool{
	"Registry.ca": true, "Endpoint.ca": true, "LabelSelector.matchLabels": true, "Match.nodeLabels": true,
}

func has(names ...string) *node { return &node{Required: names} }

func hasNot(names ...string) *node {
	var any []*node
	for _, n := range names {
		any = append(any, has(n))
	}
	return &node{Not: &node{AnyOf: any}}
}

// where is a schema of one property.
func where(name string, s *node) *node {
	p := jsonschema.NewProperties()
	p.Set(name, s)
	return &node{Properties: p}
}

// when says what must hold where a property is there with a value.
func when(name string, is *node, then *node) *node {
	cond := where(name, is)
	cond.Required = []string{name}
	return &node{If: cond, Then: then}
}

func atLeast(n uint64) *node { return &node{MinItems: &n} }

// rules are what no single key says.
var rules = map[string][]*node{
	"Registry": {
		when("blocked", &node{Const: true}, hasNot("server", "ca", "client", "credentials", "header", "dialTimeout")),
		when("server", &node{Pattern: "^http:"}, hasNot("ca", "client")),
		where("host", &node{Not: &node{Enum: []any{"index.docker.io", "registry-1.docker.io"}}}),
	},
	"Endpoint": {
		when("url", &node{Pattern: "^http:"}, hasNot("ca", "client")),
	},
	"Mirror": {
		when("registry", &node{Const: "*"}, where("endpoints", atLeast(1))),
		when("fallback", &node{Const: false}, where("endpoints", atLeast(1))),
		where("registry", &node{Not: &node{Enum: []any{"index.docker.io", "registry-1.docker.io"}}}),
	},
	"Credential": {
		{OneOf: []*node{has("username", "password"), has("dockerConfig"), has("helper")}},
		{DependentRequired: map[string][]string{"username": {"password"}, "password": {"username"}}},
	},
	"Secret": {
		{OneOf: []*node{has("file"), has("env"), has("command"), has("systemd")}},
	},
	"PullSecret": {
		{OneOf: []*node{has("namespaces"), has("namespaceSelector")}},
	},
	"Preload": {
		{OneOf: []*node{has("archive"), has("image")}},
		{If: has("archive"), Then: falseFor("refresh")},
		{If: has("image"), Then: allOf(hasNot("sha256", "images", "as"), falseFor("keep"))},
		when("archive", &node{Pattern: "://"}, allOf(has("sha256"), where("archive", &node{Pattern: `^https://` + host + `/.`}))),
		when("archive", &node{Not: &node{Pattern: "://"}}, falseFor("keep")),
	},
	"Effects": {
		when("restart", &node{Const: "window"}, has("window")),
	},
	"Match": {
		{AnyOf: []*node{has("hostname"), has("nodeLabels"), has("file")}},
	},
}

func falseFor(name string) *node { return where(name, &node{Const: false}) }

func allOf(all ...*node) *node { return &node{AllOf: all} }

// filled are lists and mappings that must not be empty.
var filled = map[string]bool{
	"HostsLine.names": true, "PullSecret.credentials": true, "PullSecret.namespaces": true, "Secret.command": true,
	"LabelSelector.matchLabels": true, "Endpoint.capabilities": true,
}

// sets are lists in which nothing may stand twice.
var sets = map[string]bool{
	"HostsLine.names": true, "Endpoint.capabilities": true, "Credential.registries": true, "Spec.insecure": true,
}
