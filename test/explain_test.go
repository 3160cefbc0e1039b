package test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/regsync/regsync/test/rig"
	"github.com/regsync/regsync/test/roads"
)

// TestExplain compares, on each release, what explain --probe says with what the access logs of the registries then show of a
// pull: who resolved the name, who served the manifest, and whether there was an image at the end.
func TestExplain(t *testing.T) {
	for _, release := range []string{"1.6", "1.7", "2.2"} {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			require(t, release)
			regsync(t)
			if !rig.Isolated(t) {
				return
			}
			lab := newLab(t, release)
			for _, s := range states(60) {
				if s.Only == "" || s.Only == release {
					t.Run(s.Name, func(t *testing.T) { lab.compare(t, s) })
				}
			}
		})
	}
}

// states are the nodes that are drawn, and at most n random ones.
func states(n int) []roads.State {
	if testing.Short() {
		n = 0
	}
	return append(roads.Fixed(), roads.Random(n)...)
}

// lab is a containerd and registries around it.
type lab struct {
	release    string
	containerd *rig.RunningContainerd
	registries map[string]*rig.Registry
	ca         []byte
	count      int
}

// labAddresses are where the registries of the lab listen. The last is the upstream of reg.lab, and of reg.lab:5000.
var labAddresses = map[string]string{
	"plain": "192.168.1.140:5280", "tls": "192.168.1.141:8443", "other": "10.0.0.9:5000", "eighty": "192.168.1.142:80",
	"local": "127.0.0.1:32000", "upstream": "10.141.241.175:443", "port": "10.141.241.175:5000",
}

func newLab(t *testing.T, release string) *lab {
	found, err := rig.Release(release)
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{release: release, registries: map[string]*rig.Registry{}}
	if err := os.WriteFile("/etc/hosts", []byte("127.0.0.1 localhost\n10.141.241.175 reg.lab\n192.168.1.140 plain.lab\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	authority, err := rig.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	l.ca = authority.PEM
	for name, address := range labAddresses {
		secure, err := authority.Server(false, "reg.lab", "192.168.1.141")
		if name != "tls" && name != "upstream" {
			secure = nil
		}
		if err != nil {
			t.Fatal(err)
		}
		if l.registries[name], err = rig.StartRegistry(address, secure); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "node-*")
	if err != nil {
		t.Fatal(err)
	}
	if l.containerd, err = rig.StartContainerd(context.Background(), found, dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.containerd.Stop)
	return l
}

// road is what explain says, as far as it is compared.
type road struct {
	ResolvedBy, ServedBy, Error, Verdict string
	Containerd                           string
}

func (l *lab) compare(t *testing.T, s roads.State) {
	image := l.lay(t, s)
	said := l.explain(t, image)
	if s.Starts {
		if !strings.Contains(said.Error, "ends containerd") {
			t.Errorf("explain says %+v", said)
		}
		return
	}
	for _, r := range l.registries {
		r.Forget()
	}
	id, pullErr := l.containerd.CRI.Pull(t.Context(), image)
	resolved, served := l.seen()
	if pullErr == nil {
		if err := l.containerd.CRI.Remove(context.Background(), id); err != nil {
			t.Error(err)
		}
	} else {
		served = ""
	}
	if got := l.named(said.ServedBy); got != served || (said.Error == "") != (pullErr == nil) {
		t.Errorf("explain: served by %q (%s), %s\npull: served by %q, %v\n%s", got, said.ServedBy, said.Verdict, served, pullErr, l.logs())
	}
	if got := l.named(said.ResolvedBy); got != resolved {
		t.Errorf("explain: resolved by %q (%s), %s\npull: resolved by %q, %v\n%s", got, said.ResolvedBy, said.Verdict, resolved, pullErr, l.logs())
	}
	t.Logf("%s: resolved by %q, served by %q; %s", l.release, resolved, served, said.Verdict)
}

// lay makes the node and the registries be as the state says, and gives the image's name.
func (l *lab) lay(t *testing.T, s roads.State) string {
	check := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	check(os.RemoveAll(rig.ContainerdCerts))
	check(os.MkdirAll(rig.ContainerdCerts, 0o755))
	check(os.WriteFile(filepath.Join(filepath.Dir(rig.ContainerdCerts), "lab.crt"), l.ca, 0o644))
	for name, text := range s.Files {
		empty := strings.HasSuffix(name, "/")
		name = filepath.Join(rig.ContainerdCerts, name)
		if empty {
			check(os.MkdirAll(name, 0o755))
			continue
		}
		check(os.MkdirAll(filepath.Dir(name), 0o755))
		if text == "CA" {
			text = string(l.ca)
		}
		check(os.WriteFile(name, []byte(text), 0o644))
	}
	l.count++
	repository := fmt.Sprintf("team/app%d", l.count)
	fresh, err := rig.RandomImage()
	check(err)
	digest, err := fresh.Digest()
	check(err)
	for name, r := range l.registries {
		how := s.Shelf[name]
		r.Refuse = nil
		switch how {
		case "", "none":
		case "stale":
			_, err = r.Push(repository + ":1")
		default:
			_, err = r.PushImage(repository+":1", fresh)
			status := map[string]int{"401": 401, "403": 403, "404": 404, "500": 500, "503": 503, "html": 200, "blobless": 404, "headless": 404, "bodiless": 404}[how]
			r.Refuse = func(req *http.Request) int {
				switch {
				case how == "blobless" && !strings.Contains(req.URL.Path, "/blobs/"),
					how == "headless" && req.Method != http.MethodHead,
					how == "bodiless" && (req.Method == http.MethodHead || !strings.Contains(req.URL.Path, "/manifests/")):
					return 0
				}
				return status
			}
		}
		check(err)
	}
	host, _, _ := strings.Cut(s.Image, "/")
	if strings.HasSuffix(s.Image, "@") {
		return host + "/" + repository + "@" + digest.String()
	}
	return host + "/" + repository + ":1"
}

func (l *lab) explain(t *testing.T, image string) road {
	var out, complaint bytes.Buffer
	cmd := exec.Command(os.Getenv("REGSYNC"), "explain", "--probe", "-o", "json", image)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, complaint.String())
	}
	var said road
	if err := json.Unmarshal(out.Bytes(), &said); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said.Containerd, l.release+".") {
		t.Errorf("explain says that containerd is %q", said.Containerd)
	}
	return said
}

// seen gives the registries that answered for the name and with its manifest.
func (l *lab) seen() (resolved, served string) {
	for name, r := range l.registries {
		for _, line := range r.Requests() {
			ok := strings.HasSuffix(line, " 200") && (strings.Contains(line, "/manifests/") || strings.HasPrefix(line, "HEAD ") && strings.Contains(line, "/blobs/"))
			switch {
			case ok && strings.HasPrefix(line, "HEAD "):
				resolved = name
			case ok && strings.HasPrefix(line, "GET ") && strings.Contains(line, "/manifests/sha256:"):
				served = name
			}
		}
	}
	return resolved, served
}

// named gives the registry that an endpoint leads to.
func (l *lab) named(endpoint string) string {
	if endpoint == "" {
		return ""
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return err.Error()
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	host := strings.NewReplacer("reg.lab", "10.141.241.175", "plain.lab", "192.168.1.140", "localhost", "127.0.0.1").Replace(u.Hostname())
	for name, address := range labAddresses {
		if address == host+":"+port {
			return name
		}
	}
	return endpoint
}

func (l *lab) logs() string {
	var all strings.Builder
	for name, r := range l.registries {
		for _, line := range r.Requests() {
			fmt.Fprintf(&all, "%s: %s\n", name, line)
		}
	}
	return all.String()
}
