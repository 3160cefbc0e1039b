package examples_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ills are what doctor rightly finds on the nodes of testdata once an example was applied: lines of others that regsync leaves alone, and
// MicroK8s' own file for Docker Hub where an example says nothing of that.
var ills = map[string][]string{
	"containerd": {
		"localhost-ipv6-only", // /etc/hosts of this node has ::1 alone, and an example names localhost:32000
		"hosts-file-clash",    // it also has an old line for myprojectname.io
	},
	"microk8s": {"hosts-toml-docker-io"},
}

// TestDoctor: what regsync writes is nothing that doctor finds fault with.
func TestDoctor(t *testing.T) {
	for _, example := range glob(t, "*.yaml") {
		for _, node := range glob(t, "testdata/*.txtar") {
			name := strings.TrimSuffix(filepath.Base(node), ".txtar")
			t.Run(strings.TrimSuffix(example, ".yaml")+"/"+name, func(t *testing.T) {
				t.Parallel()
				root := t.TempDir()
				unpack(t, node, root)
				run(t, applyCode(t, example, name), "apply", "--yes", "-f", example, "--root", root)
				out, _ := exec.Command(regsync, "doctor", "-f", example, "--root", root, "-o", "json").Output() // exits with 2 if it finds something
				var said struct {
					Findings []struct{ Rule, Path, Cause string }
				}
				if err := json.Unmarshal(out, &said); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				for _, f := range said.Findings {
					if !slices.Contains(ills[name], f.Rule) {
						t.Errorf("%s: %s: %s", f.Path, f.Rule, f.Cause)
					}
				}
				if example == "pull-through-cache.yaml" && slices.ContainsFunc(said.Findings, func(f struct{ Rule, Path, Cause string }) bool { return f.Rule == "hosts-toml-docker-io" }) {
					t.Error("the stock file for docker.io is still there")
				}
			})
		}
	}
}
