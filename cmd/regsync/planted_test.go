package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/regsync/regsync/render"
)

// plants are passwords, one for each kind of source. None may show anywhere but where it came from and in its hosts.toml.
var plants = map[string]string{
	"file": "pl4nt-in-a-file", "beside": "pl4nt-beside-the-spec", "env": "pl4nt-in-the-environment", "command": "pl4nt-of-a-command",
	"systemd": "pl4nt-of-systemd", "docker": "pl4nt-in-docker-config", "store": "pl4nt-in-a-credential-store", "helper": "pl4nt-of-a-helper",
}

// forms are the ways in which a word may show: as it is, in hexadecimal, in a URL, and in base64 at any place of a longer text.
func forms(word string) []string {
	list := []string{word, hex.EncodeToString([]byte(word)), url.QueryEscape(word)}
	for shift := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + word))
		list = append(list, text[4:len(text)-4]) // what the neighbours do not change
	}
	return list
}

// shows gives the plants that data shows, in base64 twice too: JSON has bytes in base64.
func shows(data []byte) (found []string) {
	for _, name := range slices.Sorted(maps.Keys(plants)) {
		for _, form := range forms(plants[name]) {
			if slices.ContainsFunc(forms(form), func(f string) bool { return bytes.Contains(data, []byte(f)) }) {
				found = append(found, name)
				break
			}
		}
	}
	return found
}

// garden is a node with passwords planted in all kinds of sources.
type garden struct {
	t                  *testing.T
	dir, root, program string
	env                []string
	sources            map[string]bool // files that hold a password before regsync comes
}

const plantedSpec = `apiVersion: regsync/v1alpha1
kind: NodeRegistries
insecure: [h.example]
registries:
  - {host: a.example, credentials: file}
  - {host: b.example, credentials: beside}
  - {host: c.example, credentials: env}
  - {host: d.example, credentials: command}
  - {host: e.example, credentials: systemd}
  - {host: docker.io, credentials: docker}
  - {host: g.example, credentials: docker}
  - {host: h.example, server: "http://h.example", credentials: helper}
credentials:
  - {name: file, username: u, password: {file: /etc/regsync/password}}
  - {name: beside, username: u, password: {file: password}}
  - {name: env, username: u, password: {env: PLANTED}}
  - {name: command, username: u, password: {command: [show]}}
  - {name: systemd, username: u, password: {systemd: unit}}
  - {name: docker, dockerConfig: /root/config.json}
  - {name: helper, helper: keep}
mirrors:
  - {registry: i.example, endpoints: [{url: https://m.example, credentials: command}]}
`

func plant(t *testing.T) *garden {
	t.Helper()
	dir := t.TempDir()
	g := &garden{t: t, dir: dir, root: filepath.Join(dir, "node"), program: filepath.Join(dir, "regsync"), sources: map[string]bool{}}
	files := map[string]string{
		"regsync.yaml":                    plantedSpec,
		"none.yaml":                       "apiVersion: regsync/v1alpha1\nkind: NodeRegistries\nregistries: [{host: a.example}]\n",
		"password":                        plants["beside"] + "\n",
		"units/unit":                      plants["systemd"],
		"node/etc/hosts":                  "127.0.0.1 localhost\n",
		"node/etc/containerd/config.toml": "version = 2\n",
		"node/etc/containerd/certs.d/a.example/hosts.toml": "server = \"https://a.example\"\n",
		"node/etc/regsync/password":                        plants["file"],
		"node/root/config.json": fmt.Sprintf(`{"auths": {"docker.io": {"auth": %q}}, "credHelpers": {"g.example": "store"}}`,
			base64.StdEncoding.EncodeToString([]byte("u:"+plants["docker"]))),
		// Whoever asks is looked at: no password may stand in its arguments.
		"bin/show":                    "#!/bin/sh\ncat /proc/$PPID/cmdline >>" + dir + "/cmdlines\nulimit -c >>" + dir + "/cores\ngrep SigIgn /proc/self/status >>" + dir + "/ignored\necho " + plants["command"] + "\n",
		"bin/docker-credential-store": "#!/bin/sh\necho '{\"Username\": \"u\", \"Secret\": \"" + plants["store"] + "\"}'\n",
		"bin/docker-credential-keep":  "#!/bin/sh\necho '{\"Username\": \"u\", \"Secret\": \"" + plants["helper"] + "\"}'\n",
	}
	for name, text := range files {
		g.write(name, text)
		g.sources[name] = len(shows([]byte(text))) > 0
	}
	if err := copyFile(g.program, os.Args[0]); err != nil {
		t.Fatal(err)
	}
	g.sources["regsync"] = true // this test is in it
	g.env = append(os.Environ(), "PATH="+dir+"/bin:"+os.Getenv("PATH"), "PLANTED="+plants["env"], "CREDENTIALS_DIRECTORY="+dir+"/units")
	return g
}

func (g *garden) write(name, text string) {
	g.t.Helper()
	mode := fs.FileMode(0o600)
	if strings.HasPrefix(name, "bin/") {
		mode = 0o700
	}
	name = filepath.Join(g.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), mode), os.Chmod(name, mode)); err != nil {
		g.t.Fatal(err)
	}
}

// does runs the program as it is, looks at what it says, and then at every file that there is.
func (g *garden) does(code int, args ...string) string {
	g.t.Helper()
	cmd := exec.Command(g.program, args...)
	cmd.Dir, cmd.Env = g.dir, g.env
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		g.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		g.t.Errorf("%q: exit code %d, want %d\n%s", args, got, code, out)
	}
	if found := shows(out); len(found) > 0 {
		g.t.Errorf("%q shows the password of %q:\n%s", args, found, out)
	}
	g.search()
	return string(out)
}

// search looks for passwords in all files, and gives the number of those of hosts.toml that hold one, which nobody but their owner may read.
func (g *garden) search() (held int) {
	g.t.Helper()
	err := filepath.WalkDir(g.dir, func(name string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(g.dir, name)
		if err != nil || !d.Type().IsRegular() || g.sources[rel] {
			return err
		}
		data, err := os.ReadFile(name)
		found := shows(data)
		if err != nil || len(found) == 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		// What an apply that was killed was about to replace waits to be put back.
		if filepath.Base(filepath.Dir(name)) == "undo" && info.Mode().Perm() == 0o600 {
			return nil
		}
		if held++; d.Name() != render.HostsTOML || info.Mode().Perm() != 0o600 {
			g.t.Errorf("%s (%s) holds the password of %q:\n%s", rel, info.Mode(), found, data)
		}
		return nil
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return held
}

// TestPlanted runs every verb, in every way that says or writes something, and looks for passwords in all of it.
func TestPlanted(t *testing.T) {
	if len(shows([]byte(base64.StdEncoding.EncodeToString([]byte("..Basic "+base64.StdEncoding.EncodeToString([]byte("u:"+plants["env"]))))))) != 1 {
		t.Fatal("what is hidden well is not found")
	}
	g := plant(t)
	before, err := listing(g.root)
	if err != nil {
		t.Fatal(err)
	}
	of := []string{"--root", g.root, "-f", "regsync.yaml"}
	with := func(verb string, more ...string) []string { return append(append([]string{verb}, more...), of...) }

	g.does(exitDone, "validate", "-f", "regsync.yaml", "-v")
	g.does(exitDone, "validate", "-f", "regsync.yaml", "-o", "json")
	g.does(exitDone, with("plan", "-v", "--color", "always")...)
	g.does(exitDone, with("plan", "-o", "json")...)
	g.does(exitDone, with("plan", "--out", "plan")...)
	g.does(exitDone, "apply", "--root", g.root, "-v", "plan")
	if held := g.search(); held != 9 {
		t.Errorf("%d files hold a password, want one for each registry", held)
	}
	g.does(exitDone, with("apply", "-o", "json")...)

	// Every source fails, and says as much as it can.
	g.write("node/etc/regsync/password", "")
	g.write("units/unit", "")
	g.write("bin/show", "#!/bin/sh\necho "+plants["command"]+"; echo locked: "+plants["command"]+" >&2; exit 1\n")
	g.write("node/root/config.json", `{"auths": {"docker.io": {"auth": "`+plants["docker"])
	g.write("bin/docker-credential-keep", "#!/bin/sh\necho 'no JSON "+plants["helper"]+"'\n")
	for _, more := range [][]string{{"-v"}, {"-o", "json"}} {
		g.does(exitDone, with("plan", more...)...)
		if out := g.does(exitPart, with("apply", more...)...); !strings.Contains(out, "locked: (sensitive)") {
			t.Errorf("it does not say why:\n%s", out)
		}
	}
	if held := g.search(); held != 9 {
		t.Errorf("%d files hold a password after a failure, want all of them", held)
	}

	// They come back with other passwords: rotated, saved, stale, refused.
	plants["file"], plants["env"] = "pl4nt-new-in-a-file", "pl4nt-new-in-the-environment"
	g.write("node/etc/regsync/password", plants["file"])
	g.env = append(g.env, "PLANTED="+plants["env"])
	if out := g.does(exitDone, with("plan", "-v", "--out", "plan")...); !strings.Contains(out, "credential file was rotated") {
		t.Errorf("it does not say what changed:\n%s", out)
	}
	plants["file"] = "pl4nt-newest-in-a-file"
	g.write("node/etc/regsync/password", plants["file"])
	g.does(exitError, "apply", "--root", g.root, "-v", "plan")
	g.does(exitPart, with("apply")...)

	// Somebody edits what is ours; then nothing of it is asked for any more; then it is given back.
	edited := filepath.Join("node/etc/containerd/certs.d/a.example", render.HostsTOML)
	text, err := os.ReadFile(filepath.Join(g.dir, edited))
	if err != nil {
		t.Fatal(err)
	}
	g.write(edited, string(text)+"# edited\n")
	g.does(exitDone, with("plan", "-v")...)
	g.does(exitDone, "plan", "--root", g.root, "-f", "none.yaml", "-v", "--out", "plan")
	g.does(exitDone, "plan", "--root", g.root, "-f", "none.yaml", "-o", "json")
	crash(t, g.root, filepath.Join(g.dir, "none.yaml"), 0)
	g.search()
	g.does(exitPart, with("apply")...)
	g.does(exitDone, "reset", "--root", g.root, "-v")
	g.write("node/etc/regsync/password", "pl4nt-in-a-file") // as they were
	plants["file"], plants["env"] = "pl4nt-in-a-file", "pl4nt-in-the-environment"
	g.write("node/root/config.json", fmt.Sprintf(`{"auths": {"docker.io": {"auth": %q}}, "credHelpers": {"g.example": "store"}}`,
		base64.StdEncoding.EncodeToString([]byte("u:"+plants["docker"]))))
	if after, err := listing(g.root); err != nil || after != before {
		t.Errorf("the node is\n%s\nit was\n%s", after, before)
	}

	if data, err := os.ReadFile(filepath.Join(g.dir, "ignored")); err != nil || strings.Contains(string(data), "1000\n") {
		t.Errorf("programs ignore SIGPIPE: %q, %v", data, err)
	}
	for name, want := range map[string]string{"cmdlines": "regsync\x00plan\x00", "cores": "0\n"} {
		data, err := os.ReadFile(filepath.Join(g.dir, name))
		if err != nil || !strings.Contains(string(data), want) || name == "cores" && strings.Trim(string(data), "0\n") != "" {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
}

// TestMasked: what is written to a disk for the loaders holds no password.
func TestMasked(t *testing.T) {
	value := "Basic " + base64.StdEncoding.EncodeToString([]byte("u:"+plants["file"]))
	files := map[string][]byte{render.HostsTOML: []byte("[header]\n\"Authorization\" = [\"" + value + "\"]\n\"X\" = [\"y\"]\n")}
	asks := []render.Endpoint{{Credential: "c", Header: map[string][]string{"Authorization": {value}, "X": {"y"}}}, {Header: map[string][]string{"Authorization": {"own"}}}}
	got := masked(files, asks)
	if found := shows(files[render.HostsTOML]); len(found) > 0 || !strings.Contains(string(files[render.HostsTOML]), got[0].Header["Authorization"][0]) {
		t.Errorf("judged is\n%s", files[render.HostsTOML])
	}
	if asks[0].Header["Authorization"][0] != value || got[0].Header["X"][0] != "y" || got[1].Header["Authorization"][0] != "own" {
		t.Errorf("asked is %v, was %v", got, asks)
	}
}
