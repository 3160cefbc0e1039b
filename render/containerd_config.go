package render

import (
	"fmt"
	"slices"
	"strings"
)

// ConfigState says how the registry table of containerd's config stands to certs.d.
type ConfigState uint8

// The states.
const (
	ConfigNeither   ConfigState = iota // no config_path, no inline mirrors: certs.d is not read (1.x), or a default that 2.1 and later cannot read
	ConfigOnePath                      // config_path names one directory
	ConfigLegacy                       // mirrors or TLS stand inline; certs.d is not read
	ConfigBoth                         // config_path and inline mirrors or TLS: the CRI plugin does not load
	ConfigColonList                    // config_path is a list: 2.1 and later find nothing in it
)

// String gives the state in a few words.
func (s ConfigState) String() string {
	switch s {
	case ConfigNeither:
		return "no config_path"
	case ConfigOnePath:
		return "config_path"
	case ConfigLegacy:
		return "inline mirrors"
	case ConfigBoth:
		return "config_path beside inline mirrors"
	case ConfigColonList:
		return "config_path with several directories"
	}
	panic(fmt.Sprintf("unknown state %d", s))
}

// The names under which the CRI's registry table stands in plugins.
const (
	pluginV1 = "cri"                          // version 1
	pluginV2 = "io.containerd.grpc.v1.cri"    // version 2: 1.x reads nothing else, and in 2.x it goes before pluginV3 (plugins/cri/images, migrateConfig)
	pluginV3 = "io.containerd.cri.v1.images"  // version 3 and later
	pluginRT = "io.containerd.cri.v1.runtime" // 2.x: the other half of the CRI
)

// RegistryConfig is what containerd's config says about registries, and about where containerd is.
type RegistryConfig struct {
	State  ConfigState
	Syntax int    // the config's version; 1 where it has none, 2 where it has no keys at all (we give it one then)
	Plugin string // the plugin whose registry table was read

	Path     string // config_path as it stands
	Mirrors  []InlineMirror
	TLS      []InlineTLS
	Auth     []string // hosts with an inline auth, in file order
	Disabled bool     // the CRI is in disabled_plugins

	Address        string // of the gRPC socket, as it stands; empty: the default
	Root, StateDir string // as they stand; empty: the defaults
	Imports        []string
	byteOrderMark  bool // a byte order mark
}

// InlineMirror is registry.mirrors."HOST".
type InlineMirror struct {
	Host      string
	Endpoints []string
}

// InlineTLS is registry.configs."HOST".tls.
type InlineTLS struct {
	Host                      string
	CAFile, CertFile, KeyFile string
	SkipVerify                bool
}

// ParseConfig reads containerd's config, or MicroK8s' template of it. The error is a *ConfigError.
func ParseConfig(data []byte) (RegistryConfig, error) {
	d, err := parseDocument(data)
	if err != nil {
		return RegistryConfig{}, err
	}
	return d.registry()
}

// Breaks reports whether containerd's CRI would not load with this config, and why. A file that is no TOML breaks it too.
func Breaks(data []byte) (string, bool) {
	d, err := parseDocument(data)
	if err != nil {
		return err.Error(), true
	}
	r, err := d.registry()
	if err != nil {
		return err.Error(), true
	}
	if r.State == ConfigBoth {
		return fmt.Sprintf("plugins.%s.registry has config_path and inline mirrors or TLS, which exclude each other", tomlKey(r.Plugin)), true
	}
	return "", false
}

// registryPath is the path of the registry table that is ours in this file.
func (d *document) registryPath() []string {
	plugin := pluginV2
	switch syntax := d.syntax(); {
	case syntax == 1:
		plugin = pluginV1
	case syntax >= 3:
		plugin = pluginV3
	}
	return []string{"plugins", plugin, "registry"}
}

// syntax is the config's version.
func (d *document) syntax() int {
	switch v := d.tree["version"].(type) {
	case int64:
		return int(v)
	case nil:
		if d.takesVersion() {
			return 2
		}
	}
	return 1
}

// takesVersion reports whether a file without a version has nothing in it that means something else in version 2.
func (d *document) takesVersion() bool {
	if _, ok := d.tree["version"]; ok {
		return false
	}
	for _, key := range []string{"plugins", "disabled_plugins", "required_plugins"} {
		switch v := d.tree[key].(type) {
		case nil:
		case []any:
			if len(v) > 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func (d *document) registry() (RegistryConfig, error) {
	plugin := d.registryPath()[1]
	if _, ok := d.get(d.registryPath()...); !ok && plugin == pluginV2 {
		// 2.x reads the newer name in a version-2 file, as long as the older one has no registry table.
		if _, ok := d.get("plugins", pluginV3, "registry"); ok {
			plugin = pluginV3
		}
	}
	r, err := d.registryOf(plugin)
	if err != nil {
		return r, err
	}
	r.Syntax = d.syntax()
	if v, ok := d.tree["version"]; ok {
		if n, ok := v.(int64); !ok || n < 1 {
			return r, d.errorAt([]string{"version"}, "version is not a number", "write version = 2")
		}
	}
	r.byteOrderMark = d.bom
	for _, name := range stringList(d.tree["disabled_plugins"]) {
		r.Disabled = r.Disabled || slices.Contains([]string{pluginV1, pluginV2, pluginV3, pluginRT}, name)
	}
	r.Imports = stringList(d.tree["imports"])
	r.Root, _ = d.tree["root"].(string)
	r.StateDir, _ = d.tree["state"].(string)
	if v, ok := d.get("grpc", "address"); ok {
		r.Address, _ = v.(string)
	}
	return r, nil
}

// registryOf reads the registry table of one plugin.
func (d *document) registryOf(plugin string) (RegistryConfig, error) {
	r := RegistryConfig{Plugin: plugin}
	path := []string{"plugins", plugin, "registry"}
	for n := range path {
		if err := d.wantTable(path[:n+1]); err != nil {
			return r, err
		}
	}
	if v, ok := d.get(append(path, "config_path")...); ok {
		if r.Path, ok = v.(string); !ok {
			return r, d.errorAt(append(path, "config_path"), "config_path is not a string", `write config_path = "DIRECTORY"`)
		}
	}
	for _, host := range d.children(append(path, "mirrors")) {
		at := append(slices.Clone(path), "mirrors", host)
		if err := d.wantTable(at); err != nil {
			return r, err
		}
		v, _ := d.get(append(at, "endpoint")...)
		r.Mirrors = append(r.Mirrors, InlineMirror{host, stringList(v)})
	}
	for _, host := range d.children(append(path, "configs")) {
		at := append(slices.Clone(path), "configs", host)
		for _, at := range [][]string{at, append(at, "tls"), append(slices.Clone(at), "auth")} {
			if err := d.wantTable(at); err != nil {
				return r, err
			}
		}
		if v, ok := d.get(append(at, "tls")...); ok {
			r.TLS = append(r.TLS, inlineTLS(host, v.(map[string]any)))
		}
		if _, ok := d.get(append(at, "auth")...); ok {
			r.Auth = append(r.Auth, host)
		}
	}
	r.Auth = append(r.Auth, d.children(append(path, "auths"))...)
	for _, key := range []string{"mirrors", "configs", "auths"} {
		if err := d.wantTable(append(path, key)); err != nil {
			return r, err
		}
	}
	r.State = r.state()
	return r, nil
}

func (r RegistryConfig) state() ConfigState {
	inline := len(r.Mirrors)+len(r.TLS) > 0
	switch {
	case r.Path != "" && inline:
		return ConfigBoth
	case inline:
		return ConfigLegacy
	case strings.Contains(r.Path, ":"):
		return ConfigColonList
	case r.Path != "":
		return ConfigOnePath
	}
	return ConfigNeither
}

func inlineTLS(host string, table map[string]any) InlineTLS {
	t := InlineTLS{Host: host}
	t.CAFile, _ = table["ca_file"].(string)
	t.CertFile, _ = table["cert_file"].(string)
	t.KeyFile, _ = table["key_file"].(string)
	t.SkipVerify, _ = table["insecure_skip_verify"].(bool)
	return t
}

// wantTable fails where something stands at path that is no table.
func (d *document) wantTable(path []string) error {
	v, ok := d.get(path...)
	if !ok {
		return nil
	}
	if _, ok := v.(map[string]any); ok {
		return nil
	}
	name := tomlPath(path)
	return d.errorAt(path, name+" is not a table", "containerd wants one ["+name+"]")
}

// children gives the keys of the table at path, in file order.
func (d *document) children(path []string) []string {
	var names []string
	for _, e := range d.entries {
		if len(e.path) > len(path) && hasPrefix(e.path, path) && !slices.Contains(names, e.path[len(path)]) {
			names = append(names, e.path[len(path)])
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == elem })
}

func stringList(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
