package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsync/regsync/test/rig"
	"github.com/regsync/regsync/test/roads"
)

// TestCaptureRoads captures drawn nodes. The plan of what was captured takes over what is there, or does nothing; and when it is applied, each
// version of containerd asks the same as before.
func TestCaptureRoads(t *testing.T) {
	authority, err := rig.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	n := 30
	if testing.Short() {
		n = 0
	}
	taken := 0
	for _, state := range append(roads.Fixed(), roads.Random(n)...) {
		for _, version := range []string{"1.6.36", "1.7.35", "2.2.9", ""} {
			t.Run(strings.TrimSpace(state.Name+" "+version), func(t *testing.T) {
				node := newDrawn(t, state, authority.PEM)
				taken += node.roundTrip(t, version, strings.TrimSuffix(state.Image, "@"), "elsewhere.example/x:1")
			})
		}
	}
	if taken == 0 {
		t.Error("nothing was ever taken over")
	}
}

// drawn is a node below a directory.
type drawn struct{ root string }

func newDrawn(t *testing.T, state roads.State, ca []byte) drawn {
	t.Helper()
	files := map[string]string{
		"etc/containerd/config.toml": "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n",
		"etc/containerd/lab.crt":     string(ca),
		"etc/hosts":                  "127.0.0.1 localhost\n10.141.241.175 reg.lab\n192.168.1.140 plain.lab more.lab\n",
	}
	for name, text := range state.Files {
		if text == "CA" {
			text = string(ca)
		}
		files["etc/containerd/certs.d/"+name] = text
	}
	return newNode(t, files)
}

// newNode makes a node of files below a directory. A name that ends in / is that of an empty directory.
func newNode(t *testing.T, files map[string]string) drawn {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, name)
		dir := filepath.Dir(file)
		if strings.HasSuffix(name, "/") {
			dir = file
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if dir == file {
			continue
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return drawn{root}
}

// regsync runs a command on the node, wants it to succeed, and gives its standard output.
func (d drawn) regsync(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	var out, complaint bytes.Buffer
	code := run(t.Context(), append(args, "--root", d.root), streams{in: strings.NewReader(stdin), out: &out, err: &complaint}, func(string) string { return "" })
	if code != 0 {
		t.Fatalf("regsync %s: exit code %d\n%s%s\n%s", strings.Join(args, " "), code, out.String(), complaint.String(), stdin)
	}
	return out.String()
}

// roundTrip captures the node, and gives how many things the plan of that takes over.
func (d drawn) roundTrip(t *testing.T, version string, images ...string) int {
	t.Helper()
	args := []string{"capture"}
	if version != "" {
		args = append(args, "--containerd", version)
	}
	captured := d.regsync(t, "", args...)
	d.regsync(t, captured, "validate", "-f", "-")

	var plan struct {
		Changes   []struct{ Kind, Name, Action string }
		Conflicts []any
		Effects   []any
	}
	if err := json.Unmarshal([]byte(d.regsync(t, captured, "plan", "-f", "-", "-o", "json")), &plan); err != nil {
		t.Fatal(err)
	}
	for _, change := range plan.Changes {
		if change.Action != "adopt" {
			t.Errorf("%s %s: %s\n%s", change.Kind, change.Name, change.Action, captured)
		}
	}
	if len(plan.Conflicts)+len(plan.Effects) > 0 {
		t.Errorf("conflicts %v, effects %v\n%s", plan.Conflicts, plan.Effects, captured)
	}

	versions := []string{version}
	if version == "" {
		versions = []string{"1.7.35", "2.2.9"}
	}
	before := d.roads(t, versions, images)
	d.regsync(t, captured, "apply", "--yes", "-f", "-")
	if diff := cmp.Diff(before, d.roads(t, versions, images)); diff != "" {
		t.Errorf("endpoints (-before +after):\n%s\n%s", diff, captured)
	}
	return len(plan.Changes)
}

// asked is one endpoint as explain tells of it.
type asked struct {
	URL, TLS, Credentials string
	Capabilities          []string
}

// roads gives whom each version of containerd asks for images, and what a pull fails with.
func (d drawn) roads(t *testing.T, versions, images []string) map[string][]asked {
	t.Helper()
	all := map[string][]asked{}
	for _, version := range versions {
		for _, image := range images {
			var road struct {
				Endpoints []asked
				Error     string
			}
			if err := json.Unmarshal([]byte(d.regsync(t, "", "explain", "-o", "json", "--containerd", version, image)), &road); err != nil {
				t.Fatal(err)
			}
			if road.Error != "" {
				road.Endpoints = []asked{{URL: "fails: " + road.Error}}
			}
			all[fmt.Sprint(image, " by ", version)] = once(road.Endpoints)
		}
	}
	return all
}

// once leaves out what is asked a second time in the same way, or verified more strictly, which is no other road: the first answer counts. Of
// capabilities those count that a pull or a push needs.
func once(list []asked) []asked {
	var out []asked
	for _, a := range list {
		a.URL = strings.Replace(a.URL, "https://docker.io/", "https://registry-1.docker.io/", 1)
		a.Capabilities = slices.DeleteFunc(a.Capabilities, func(c string) bool { return c == "referrers" })
		i := slices.IndexFunc(out, func(o asked) bool {
			stricter := o.TLS == a.TLS || o.TLS == "not verified" || strings.HasPrefix(o.TLS, "verified with") && a.TLS == "verified"
			return o.URL == a.URL && stricter && o.Credentials == a.Credentials && slices.Contains(o.Capabilities, "pull") && slices.Contains(o.Capabilities, "resolve")
		})
		if i < 0 {
			out = append(out, a)
			continue
		}
		for _, c := range a.Capabilities {
			if !slices.Contains(out[i].Capabilities, c) {
				out[i].Capabilities = append(out[i].Capabilities, c)
			}
		}
		slices.Sort(out[i].Capabilities)
	}
	for i := range out {
		slices.Sort(out[i].Capabilities)
	}
	return out
}
