package spec

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// header checks apiVersion and kind. Nothing else of a file is looked at if they are not what this build reads.
func (t *tree) header(root *yaml.Node) bool {
	version, kind := lookup(root, "apiVersion"), lookup(root, "kind")
	if version == nil {
		if regclient(root) {
			t.report(root, nil, "give that file to regclient's regsync; this one reads apiVersion: "+Version,
				"this is a file of regclient's regsync, which copies images between registries; this regsync configures nodes")
			return false
		}
		t.report(root, (*place)(nil).at("apiVersion"), "write apiVersion: "+Version, "is missing")
	} else if v := target(version); v.Kind != yaml.ScalarNode || v.Value != Version {
		t.report(version, (*place)(nil).at("apiVersion"), "write apiVersion: "+Version, "%s", strange(v))
	}
	if kind == nil {
		t.report(root, (*place)(nil).at("kind"), "write kind: "+Kind, "is missing")
	} else if k := target(kind); k.Kind != yaml.ScalarNode || k.Value != Kind {
		t.report(kind, (*place)(nil).at("kind"), "write kind: "+Kind, "%s is not a kind that this build knows; it knows %s", describe(k), Kind)
	}
	return version != nil && kind != nil && target(version).Value == Version && target(kind).Value == Kind
}

// strange says why an apiVersion is not this build's.
func strange(n *yaml.Node) string {
	group, version, _ := strings.Cut(n.Value, "/")
	if ours, _, _ := strings.Cut(Version, "/"); group == ours && strings.HasPrefix(version, "v") {
		return describe(n) + " is newer than this build, or was never there; this build knows " + Version
	}
	return describe(n) + " is not an apiVersion of regsync; this build knows " + Version
}

// regclient reports whether the file is for regclient's program of the same name (its config has version: 1, creds,
// defaults and sync at top level: github.com/regclient/regclient, cmd/regsync/config.go).
func regclient(root *yaml.Node) bool {
	if lookup(root, "sync") != nil || lookup(root, "creds") != nil {
		return true
	}
	v := lookup(root, "version")
	return v != nil && v.Value == "1" && lookup(root, "kind") == nil
}
