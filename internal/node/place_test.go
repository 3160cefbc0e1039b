package node

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/regsync/regsync/spec"
)

func TestFindHeedsImports(t *testing.T) {
	tests := []struct {
		name, imported string
		runtime        string
		certsDir       string
	}{
		{"the directory", "[plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = '/srv/certs.d'\n", "containerd", "/srv/certs.d"},
		{"another table", "[plugins.'io.containerd.grpc.v1.cri'.containerd]\nsnapshotter = 'native'\n", "containerd", "/main/certs.d"},
		{"a path that is relative", "[plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = 'certs.d'\n", "containerd", containerdCerts},
		{"the CRI disabled", "disabled_plugins = ['io.containerd.grpc.v1.cri']\n", "none", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range map[string]string{
				containerdConfig:                "imports = ['/etc/containerd/conf.d/*.toml']\nversion = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = '/main/certs.d'\n",
				"/etc/containerd/conf.d/x.toml": "version = 2\n" + tt.imported,
			} {
				if err := os.MkdirAll(filepath.Dir(dir+name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(dir+name, []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			root, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			p, err := root.Find(spec.Node{}, false, func(name string) ([]byte, error) {
				live, err := root.Read(name)
				return live.Data, err
			})
			if err != nil {
				t.Fatal(err)
			}
			if string(p.Runtime) != tt.runtime || p.CertsDir != tt.certsDir || p.ConfigPath != tt.certsDir {
				t.Errorf("got %+v", p)
			}
			if tt.runtime != "none" && len(p.Imports) != 1 {
				t.Errorf("imports: %v", p.Imports)
			}
		})
	}
}
