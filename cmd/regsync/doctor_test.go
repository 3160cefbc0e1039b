package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/regsync/regsync/internal/doctor"
)

// bare are nodes on which nothing is to be found; a case's files come on top.
var bare = map[string]string{
	"none": "",
	"containerd": `
-- etc/containerd/config.toml --
version = 2

[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/etc/containerd/certs.d"
-- etc/containerd/certs.d/ --
`,
	"microk8s": `
-- var/snap/microk8s/current -> 8511 --
-- var/snap/microk8s/8511/args/containerd-template.toml --
version = 2

[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "${SNAP_DATA}/args/certs.d"
-- var/snap/microk8s/8511/args/certs.d/localhost:32000/hosts.toml --
server = "http://localhost:32000"

[host."http://localhost:32000"]
  capabilities = ["pull", "resolve"]
`,
}

// TestRules has a node that is in the trap, and one that is not, for each rule that files alone decide: testdata/doctor/RULE.txtar, with the
// files of the first below trap/, those of the other below clean/. Its first lines say
//
//	node: microk8s             what stands on both nodes before: containerd (if nothing is said), microk8s, none
//	containerd: 1.7.35         the version; clean: containerd 2.2.9 is that of the clean node, where it is another
//	finds: PATH[:LINE]         where the trap is
//	says: TEXT                 a part of the cause
//
// On the clean node nothing at all is found.
func TestRules(t *testing.T) {
	files, err := filepath.Glob("testdata/doctor/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	for _, file := range files {
		id := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			said := map[string]string{"node": "containerd"}
			for line := range strings.Lines(string(a.Comment)) {
				key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
				said[key] = value
			}
			version := said["containerd"]
			found := examine(t, said["node"], below(a, "trap/"), version)
			i := slices.IndexFunc(found, func(f doctor.Finding) bool {
				at := f.Path
				if f.Line > 0 {
					at += ":" + strconv.Itoa(f.Line)
				}
				return f.Rule == id && at == said["finds"] && strings.Contains(f.Cause, said["says"])
			})
			if i < 0 {
				t.Errorf("%s at %s with %q is not among %+v", id, said["finds"], said["says"], found)
			} else if f := found[i]; f.Remedy == "" || f.Severity == "" {
				t.Errorf("no remedy or severity: %+v", f)
			}
			if text := fmt.Sprint(found); strings.Contains(text, "s3cret") || strings.Contains(text, "c2VjcmV0") {
				t.Errorf("a credential is told: %s", text)
			}
			if clean, ok := strings.CutPrefix(said["clean"], "containerd "); ok {
				version = clean
			}
			if found := examine(t, said["node"], below(a, "clean/"), version); len(found) > 0 {
				t.Errorf("found on the clean node: %+v", found)
			}
		})
	}
}

// below gives the files of an archive whose names begin so, without that.
func below(a *txtar.Archive, prefix string) []txtar.File {
	var files []txtar.File
	for _, f := range a.Files {
		if name, ok := strings.CutPrefix(f.Name, prefix); ok {
			files = append(files, txtar.File{Name: name, Data: f.Data})
		}
	}
	return files
}

// examine lays a node out and lets doctor look at it.
func examine(t *testing.T, node string, files []txtar.File, version string) []doctor.Finding {
	t.Helper()
	root := t.TempDir()
	for _, f := range append(slices.Clone(txtar.Parse([]byte(bare[node])).Files), files...) {
		lay(t, root, f)
	}
	args := []string{"doctor", "--root", root, "-o", "json"}
	if version != "" {
		args = append(args, "--containerd", version)
	}
	var out, complaint bytes.Buffer
	code := run(t.Context(), args, streams{in: strings.NewReader(""), out: &out, err: &complaint}, func(string) string { return "" })
	var said struct{ Findings []doctor.Finding }
	if err := json.Unmarshal(out.Bytes(), &said); err != nil {
		t.Fatalf("exit code %d, %v\n%s%s", code, err, out.String(), complaint.String())
	}
	if want := map[bool]int{true: exitPending}[len(said.Findings) > 0]; code != want {
		t.Errorf("exit code %d with %d findings", code, len(said.Findings))
	}
	return said.Findings
}

// lay writes one file. Behind its name may stand a mode, -> and what it links to, or quoted, where its content is a Go string; a name that
// ends in / is a directory.
func lay(t *testing.T, root string, f txtar.File) {
	t.Helper()
	name, link, isLink := strings.Cut(f.Name, " -> ")
	name, word, _ := strings.Cut(name, " ")
	data, mode := f.Data, uint64(0o644)
	var err error
	switch {
	case word == "quoted":
		var text string
		text, err = strconv.Unquote(strings.TrimSpace(string(data)))
		data = []byte(text)
	case word != "":
		mode, err = strconv.ParseUint(word, 8, 32)
	}
	on := filepath.Join(root, name)
	err = errors.Join(err, os.MkdirAll(filepath.Dir(on), 0o755))
	switch {
	case strings.HasSuffix(name, "/"):
		err = errors.Join(err, os.MkdirAll(on, 0o755))
	case isLink:
		err = errors.Join(err, os.Symlink(link, on))
	default:
		err = errors.Join(err, os.WriteFile(on, data, 0o644), os.Chmod(on, fs.FileMode(mode)))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// told is how a story on real components says that a rule finds something, or does not.
var told = regexp.MustCompile(`(?m)^(?:\[[^\]]*\] )?(! )?finds ([a-z0-9-]+)`)

// TestRulesAreComplete makes sure that each rule has its two nodes, here or in a story on real components, and its heading in the page.
func TestRulesAreComplete(t *testing.T) {
	trapped, clean := map[string]bool{}, map[string]bool{}
	files, _ := filepath.Glob("testdata/doctor/*.txtar")
	for _, file := range files {
		id := strings.TrimSuffix(filepath.Base(file), ".txtar")
		trapped[id], clean[id] = true, true // TestRules wants both
	}
	stories, _ := filepath.Glob("../../test/testdata/doctor-*.txtar")
	for _, story := range stories {
		text, err := os.ReadFile(story)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range told.FindAllStringSubmatch(string(text), -1) {
			if m[1] == "" {
				trapped[m[2]] = true
			} else {
				clean[m[2]] = true
			}
		}
	}
	page, err := os.ReadFile("../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	known, form := map[string]bool{}, regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	for _, r := range doctor.Rules() {
		if known[r.ID] || !form.MatchString(r.ID) || r.Title == "" || r.Cause == "" || r.Remedy == "" {
			t.Errorf("the rule %q is given twice, or lacks something", r.ID)
		}
		known[r.ID] = true
		if !trapped[r.ID] || !clean[r.ID] {
			t.Errorf("%s: a node in the trap is tested: %v, a clean one: %v", r.ID, trapped[r.ID], clean[r.ID])
		}
		if !strings.Contains(string(page), "\n### "+r.ID+"\n") {
			t.Errorf("docs/doctor.md has no heading %s", r.ID)
		}
	}
	for id := range trapped {
		if !known[id] {
			t.Errorf("a test is for the rule %q, which is none", id)
		}
	}
}

// TestDoctorInterrupted: an interrupt ends the asking of an endpoint that is silent.
func TestDoctorInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel(errors.New("interrupt signal received"))
		<-r.Context().Done()
	}))
	t.Cleanup(silent.Close)
	root := t.TempDir()
	hosts := txtar.File{Name: "etc/containerd/certs.d/reg.lab/hosts.toml", Data: []byte("[host.\"" + silent.URL + "\"]\n")}
	for _, f := range append(slices.Clone(txtar.Parse([]byte(bare["containerd"])).Files), hosts) {
		lay(t, root, f)
	}
	if code, out, complaint := in(ctx, "doctor", "--host", root); code != exitInterrupted || out != "" {
		t.Errorf("exit code %d\n%s%s", code, out, complaint)
	}
}
