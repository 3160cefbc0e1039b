package node_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/test/rig"
)

// releases are those of which the way to join imported files is compared.
var releases = []struct {
	name    string
	version render.Version
}{{"1.6", render.Version{Major: 1, Minor: 6, Patch: 20}}, {"1.7", render.Version{Major: 1, Minor: 7, Patch: 35}}, {"2.2", render.Version{Major: 2, Minor: 2, Patch: 9}}}

// TestImports holds what regsync makes of a config with imports against what each containerd prints as its own.
func TestImports(t *testing.T) {
	const (
		v2, v3 = `[plugins."io.containerd.grpc.v1.cri".registry]` + "\n", `[plugins."io.containerd.cri.v1.images".registry]` + "\n"
		pathA  = `config_path = "/a"` + "\n"
		pathB  = `config_path = "/b"` + "\n"
		mirror = `mirrors.m.endpoint = ["http://m"]` + "\n"
		other  = `[plugins."io.containerd.grpc.v1.cri"]` + "\n" + `sandbox_image = "x"` + "\n"
		all    = `imports = ["conf.d/*.toml"]` + "\n"
	)
	tests := []struct {
		name  string
		major int // 0: all
		files map[string]string
	}{
		{"a path", 0, map[string]string{"": "version = 2\n" + all, "1": "version = 2\n" + v2 + pathA}},
		{"the last counts", 0, map[string]string{"": "version = 2\n" + all + v2 + pathA, "1": "version = 2\n" + v2 + pathB, ".0": "version = 2\n" + v2 + pathA + mirror}},
		{"another table", 0, map[string]string{"": "version = 2\n" + all + v2 + pathA, "1": "version = 2\n" + other}},
		{"an empty path", 0, map[string]string{"": "version = 2\n" + all + v2 + pathA, "1": "version = 2\n" + v2 + "config_path = ''\n"}},
		{"mirrors in the import", 0, map[string]string{"": "version = 2\n" + all + v2 + pathA, "1": "version = 2\n" + v2 + mirror}},
		{"mirrors in the main file", 0, map[string]string{"": "version = 2\n" + all + v2 + mirror, "1": "version = 2\n" + v2 + pathA}},
		{"nested, level by level", 0, map[string]string{
			"": "version = 2\nimports = ['conf.d/1.toml', 'conf.d/2.toml']\n", "1": "version = 2\nimports = ['3.toml']\n" + v2 + pathA,
			"2": "version = 2\n" + v2 + pathA, "3": "version = 2\nimports = ['1.toml']\n" + v2 + pathB,
		}},
		{"scalars", 0, map[string]string{"": "version = 2\nroot = '/r'\nstate = '/s'\n" + all + "[grpc]\naddress = '/g'\n", "1": "version = 2\nroot = ''\nstate = '/t'\n[grpc]\nuid = 1\n"}},
		{"disabled", 0, map[string]string{"": "version = 2\ndisabled_plugins = ['io.containerd.x.v1.y']\n" + all, "1": "version = 2\ndisabled_plugins = ['io.containerd.grpc.v1.cri']\n"}},
		{"version 1 over 2", 2, map[string]string{"": "version = 2\n" + all + v2 + pathA, "1": "[plugins.cri.registry]\n" + pathB}},
		{"version 3 over 2", 2, map[string]string{"": "version = 2\n" + all + v2 + pathA, "1": "version = 3\n"}},
		{"version 2 over 3", 2, map[string]string{"": "version = 3\n" + all + v3 + pathA, "1": "version = 2\n"}},
		{"version 2 over 3, both names", 2, map[string]string{"": "version = 3\n" + all + v3 + pathA, "1": "version = 2\n" + v2 + pathB}},
		{"both names the other way", 2, map[string]string{"": "version = 2\n" + all + v2 + pathA, "1": "version = 2\n" + v3 + pathB}},
		{"no version in the main file", 2, map[string]string{"": all, "1": "version = 3\n" + v3 + pathA}},
		{"no version anywhere", 2, map[string]string{"": all, "1": v3 + pathA}},
		{"version 1 everywhere", 1, map[string]string{"": all + "[plugins.cri.registry]\n" + pathA, "1": "[plugins.cri.registry]\n" + pathB}},
	}
	for _, release := range releases {
		programs := programs(t, release.name)
		if len(programs) == 0 {
			t.Logf("no containerd %s is here: make components", release.name)
		}
		for _, tt := range tests {
			if tt.major != 0 && tt.major != release.version.Major {
				continue
			}
			t.Run(release.name+"/"+tt.name, func(t *testing.T) {
				dir := t.TempDir()
				for name, content := range tt.files {
					file := filepath.Join(dir, "conf.d", name+".toml")
					if name == "" {
						file = filepath.Join(dir, "config.toml")
					}
					if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				got := ours(t, dir, release.version)
				for _, program := range programs {
					same(t, got, dumped(t, program, dir))
				}
			})
		}
	}
}

// programs are the programs of a release that this machine has already: its own, and the built one.
func programs(t *testing.T, release string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(rig.Cache(), "containerd-"+release+".*", "containerd"))
	if err != nil {
		t.Fatal(err)
	}
	if own, err := exec.LookPath("containerd"); err == nil {
		out, err := exec.CommandContext(t.Context(), own, "--version").Output()
		if err == nil && strings.Contains(string(out), " "+release+".") {
			found = append(found, own)
		}
	}
	return found
}

func same(t *testing.T, got, want render.RegistryConfig) {
	t.Helper()
	// What the dump fills in where the files say nothing, and the names that it moves things to.
	if got.Root == "" {
		want.Root = ""
	}
	if got.StateDir == "" {
		want.StateDir = ""
	}
	if got.Address == "" {
		want.Address = ""
	}
	want.Syntax, want.Plugin, want.Imports, got.Imports = got.Syntax, got.Plugin, nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func ours(t *testing.T, dir string, v render.Version) render.RegistryConfig {
	t.Helper()
	root, err := node.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	base := func(name string) ([]byte, error) {
		live, err := root.Read(name)
		return live.Data, err
	}
	imports, err := root.Imports(render.Layout{ConfigFile: "/config.toml"}, base)
	if err != nil {
		t.Fatal(err)
	}
	config, err := base("/config.toml")
	if err != nil {
		t.Fatal(err)
	}
	r, err := render.Effective("/config.toml", config, imports, v)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func dumped(t *testing.T, program, dir string) render.RegistryConfig {
	t.Helper()
	// 1.6.20 looks for relative patterns in the working directory.
	dump := exec.CommandContext(t.Context(), program, "-c", filepath.Join(dir, "config.toml"), "config", "dump")
	var problems bytes.Buffer
	dump.Dir, dump.Stderr = dir, &problems
	out, err := dump.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, problems.Bytes())
	}
	r, err := render.ParseConfig(out)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
