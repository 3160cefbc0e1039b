package render

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/regsync/regsync/spec"
)

// cri gives a config that has the CRI's registry table.
func cri(version int, registry string) string {
	plugin := pluginV2
	if version >= 3 {
		plugin = pluginV3
	}
	return fmt.Sprintf("version = %d\n[plugins.'%s'.registry]\n%s\n", version, plugin, registry)
}

func imported(files ...string) []Import {
	var all []Import
	for i, f := range files {
		all = append(all, Import{Name: fmt.Sprintf("/etc/containerd/conf.d/%d.toml", i+1), Data: []byte(f)})
	}
	return all
}

const otherTable = "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.containerd]\nsnapshotter = 'native'\n"

func TestEffective(t *testing.T) {
	const path, mirror = "config_path = '/a'", "[plugins.'io.containerd.grpc.v1.cri'.registry.mirrors.m]\nendpoint = ['http://m']"
	v1, v2 := Version{1, 7, 35}, Version{2, 2, 9}
	tests := []struct {
		name    string
		config  string
		imports []Import
		version Version
		state   ConfigState
		path    string
	}{
		{"none, 1.x", cri(2, path), nil, v1, ConfigOnePath, "/a"},
		{"another table of the plugin, 1.x", cri(2, path), imported(otherTable), v1, ConfigNeither, ""},
		{"another table of the plugin, 2.x", cri(2, path), imported(otherTable), v2, ConfigOnePath, "/a"},
		{"the last counts, 1.x", cri(2, path), imported(cri(2, "config_path = '/b'"), cri(2, "config_path = '/c'")), v1, ConfigOnePath, "/c"},
		{"the last counts, 2.x", cri(2, path), imported(cri(2, "config_path = '/b'"), cri(2, "config_path = '/c'")), v2, ConfigOnePath, "/c"},
		{"an empty one counts in 2.x", cri(2, path), imported(cri(2, "config_path = ''")), v2, ConfigNeither, ""},
		{"both, 1.x", cri(2, path), imported(cri(2, mirror)), v1, ConfigLegacy, ""},
		{"both, 2.x", cri(2, path), imported(cri(2, mirror)), v2, ConfigBoth, "/a"},
		{"inline in the main file, 1.x", cri(2, mirror), imported(cri(2, path)), v1, ConfigOnePath, "/a"},
		{"inline in the main file, 2.x", cri(2, mirror), imported(cri(2, path)), v2, ConfigBoth, "/a"},
		{"version 3 over 2", cri(2, path), imported("version = 3\n"), v2, ConfigNeither, ""},
		{"version 2 over 3", cri(3, path), imported("version = 2\n"), v2, ConfigOnePath, "/a"},
		{"version 2 over 3, both names", cri(3, path), imported(cri(2, "config_path = '/b'")), v2, ConfigOnePath, "/b"},
		{"version 1 over 2", cri(2, path), imported("[plugins.cri.registry]\nconfig_path = '/b'\n"), v2, ConfigOnePath, "/b"},
		{"no version in the main file", "imports = []\n", imported(cri(3, path)), v2, ConfigOnePath, "/a"},
		{"no version anywhere", "imports = []\n", imported("[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '/a'\n"), v2, ConfigOnePath, "/a"},
		{"a list", cri(3, ""), imported(cri(3, "config_path = '/a:/b'")), v2, ConfigColonList, "/a:/b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Effective("/etc/containerd/config.toml", []byte(tt.config), tt.imports, tt.version)
			if err != nil {
				t.Fatal(err)
			}
			if r.State != tt.state || r.Path != tt.path {
				t.Errorf("got %v, %q; want %v, %q", r.State, r.Path, tt.state, tt.path)
			}
		})
	}
}

func TestEffectiveScalars(t *testing.T) {
	const main = "version = 2\nroot = '/r'\nstate = '/s'\ndisabled_plugins = ['io.containerd.x.v1.y']\n[grpc]\naddress = '/g'\n"
	r, err := Effective("c", []byte(main), imported("root = ''\nstate = '/t'\ndisabled_plugins = ['io.containerd.grpc.v1.cri']\n[grpc]\nuid = 1\n"), Version{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Root != "/r" || r.StateDir != "/t" || r.Address != "/g" || !r.Disabled {
		t.Errorf("got %+v", r)
	}
}

func TestEffectiveErrors(t *testing.T) {
	tests := []struct {
		name    string
		imports []Import
		want    string
	}{
		{"not there", []Import{{Name: "/x.toml"}}, "/etc/containerd/config.toml: imports /x.toml, which is not there"},
		{"no TOML", imported("version = 2\nroot = “/r”\n"), "/etc/containerd/conf.d/1.toml:2:8: typographic quote"},
		{"registry is no table", imported("version = 2\n[plugins.'io.containerd.grpc.v1.cri']\nregistry = 1\n"), "/etc/containerd/conf.d/1.toml:3:1: "},
	}
	for _, tt := range tests {
		if _, err := Effective("/etc/containerd/config.toml", []byte("version = 2\n"), tt.imports, Version{}); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

func TestConfigResourceWithImports(t *testing.T) {
	const certsD, main = "config_path = '/etc/containerd/certs.d'", "/etc/containerd/config.toml"
	const mirror = "[plugins.'io.containerd.grpc.v1.cri'.registry.mirrors.m]\nendpoint = ['http://m']"
	const auth = "[plugins.'io.containerd.grpc.v1.cri'.registry.configs.m.auth]\nusername = 'u'"
	const tls = "[plugins.'io.containerd.grpc.v1.cri'.registry.configs.m.tls]\nca_file = '/ca'"
	v1, v2 := Version{1, 7, 35}, Version{2, 2, 9}
	tests := []struct {
		name    string
		config  string
		imports []Import
		version Version
		edit    bool
		err     string
		warning string
	}{
		{"the import has it, 1.x", "version = 2\n", imported(cri(2, certsD)), v1, false, "", ""},
		{"the import has it, 2.x", "version = 2\n", imported(cri(2, certsD)), v2, false, "", ""},
		{"nothing of the kind, 1.x", "version = 2\n", imported("version = 2\n[debug]\nlevel = 'debug'\n"), v1, true, "", ""},
		{"another table of the plugin, 2.x", "version = 2\n", imported(otherTable), v2, true, "", ""},
		{"another table of the plugin, 1.x", "version = 2\n", imported(otherTable), v1, false, "1.toml:2:1: plugins.\"io.containerd.grpc.v1.cri\" here takes the place", ""},
		{"the same where the main file has it", cri(2, certsD), imported(otherTable), v1, false, "1.toml:2:1: ", ""},
		{"the same, unknown version", cri(2, certsD), imported(otherTable), Version{}, false, "", "with containerd 1.x, plugins."},
		{"the same, edited", "version = 2\n", imported(otherTable), Version{}, true, "", "with containerd 1.x, plugins."},
		{"mirrors", "version = 2\n", imported("version = 2\n", cri(2, mirror), "version = 2\n"), v2, false, "2.toml:3:1: registry.mirrors here excludes config_path", ""},
		{"mirrors beside the main file's path", cri(2, certsD), imported(cri(2, mirror)), v2, false, "1.toml:3:1: registry.mirrors here", ""},
		{"mirrors, 1.x", cri(2, certsD), imported(cri(2, mirror)), v1, false, "1.toml:3:1: registry.mirrors here", ""},
		{"tls", "version = 2\n", imported(cri(2, tls)), v2, false, "1.toml:3:1: registry.configs here excludes", ""},
		{"auth, 2.x", "version = 2\n", imported(cri(2, auth)), v2, true, "", "inline auth of m stays"},
		{"mirrors in the main file, path in the import", cri(2, mirror), imported(cri(2, certsD)), v2, true, "", ""},
		{"the same, 1.x", cri(2, mirror), imported(cri(2, certsD)), v1, false, "", ""},
		{"another path", cri(2, certsD), imported(cri(2, "config_path = 'certs.d'")), v2, false, "1.toml:3:1: config_path here goes before", ""},
		{"a list", cri(3, certsD), imported(cri(3, "config_path = '/a:/b'")), v2, false, "1.toml:3:1: config_path here goes before", ""},
		{"version 3", cri(2, certsD), imported("version = 3\n"), v2, false, "1.toml:1:1: version = 3 here makes containerd pass over", ""},
		{"relative pattern, 1.6", "imports = ['conf.d/*']\n" + cri(2, certsD), imported("version = 2\n"), Version{1, 6, 20}, false, "", "in its working directory"},
		{"inline, before 1.5", "version = 2\n", imported(otherTable), Version{1, 4, 13}, false, "1.toml:2:1: ", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := inputs(Containerd, tt.config)
			in.Imports, in.Containerd = tt.imports, tt.version
			r, warnings, edit, err := configResource(nil, in, someRoads)
			if tt.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), "/etc/containerd/conf.d/"+tt.err) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || edit != tt.edit {
				t.Fatalf("edit: %v, error: %v", edit, err)
			}
			said := slices.ContainsFunc(warnings, func(p *spec.Problem) bool { return strings.Contains(p.Message, tt.warning) })
			if tt.warning == "" && len(warnings) > 0 || tt.warning != "" && !said {
				t.Errorf("warnings %v", warnings)
			}
			if !edit {
				return
			}
			next, err := r.Propose(in.Config)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := Effective(main, next, in.Imports, in.Containerd); err != nil || got.State != ConfigOnePath || got.Path != "/etc/containerd/certs.d" {
				t.Errorf("containerd would go by %+v, %v", got, err)
			}
		})
	}
}

func TestImportPatterns(t *testing.T) {
	const config = "imports = ['conf.d/*.toml', '/x/../y.toml', './z', '${SNAP_DATA}/w']\n"
	if got := ImportPatterns("/etc/containerd/config.toml", []byte(config), Containerd); strings.Join(got, " ") !=
		"/etc/containerd/conf.d/*.toml /y.toml /etc/containerd/z /etc/containerd/${SNAP_DATA}/w" {
		t.Errorf("got %q", got)
	}
	if got := ImportPatterns("/a/b", []byte(config), MicroK8s); got[3] != snapData+"/w" {
		t.Errorf("got %q", got)
	}
}

func FuzzEffective(f *testing.F) {
	f.Add([]byte(cri(2, "config_path = '/a'")), []byte(otherTable), []byte("version = 3\n"))
	f.Add([]byte("imports = []\n"), []byte("[plugins.cri.registry.mirrors]\nm.endpoint = []\n"), []byte(cri(3, "configs.h.tls = {}")))
	f.Fuzz(func(t *testing.T, config, first, second []byte) {
		for _, v := range []Version{{}, {1, 4, 0}, {1, 7, 0}, {2, 2, 0}} {
			in := inputs(Containerd, "")
			in.Config, in.Imports, in.Containerd = config, imported(string(first), string(second)), v
			r, _, ok, err := configResource(nil, in, someRoads)
			if err != nil || !ok || !UsesCertsD(in) {
				continue
			}
			next, err := r.Propose(config)
			if err != nil {
				t.Fatal(err)
			}
			all, err := Effective(in.Layout.ConfigFile, next, in.Imports, v)
			if err != nil || all.State != ConfigOnePath || !all.namesCertsDir(in) {
				t.Fatalf("containerd %v would go by %+v, %v", v, all, err)
			}
		}
	})
}
