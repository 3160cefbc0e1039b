// Package roads draws nodes for tests: what stands in certs.d, and what the registries have that it leads to.
package roads

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
)

// State is a node, and what stands in its registries.
type State struct {
	Name   string
	Image  string            // REGISTRY/REPOSITORY, with :1, or with @ for the digest
	Files  map[string]string // below certs.d; a directory's name ends in /; CA stands for the lab's authority
	Shelf  map[string]string // what a registry does, by its name in the lab: whole, stale, blobless, or a status; else it has nothing
	Only   string            // the release that it is for; empty: all
	Starts bool              // it would end containerd: nothing is pulled
}

// registries are those of the lab, by the names that Shelf has.
var registries = []string{"eighty", "local", "other", "plain", "port", "tls", "upstream"}

// Fixed are nodes that show one rule each.
func Fixed() []State {
	const (
		two   = "server = \"http://192.168.1.140:5280\"\n[host.\"http://10.0.0.9:5000\"]\ncapabilities = [\"pull\", \"resolve\"]\n"
		ca    = "ca = \"/etc/containerd/lab.crt\"\n"
		plain = "[host.\"http://192.168.1.140:5280\"]\n"
	)
	hosts := func(text string) map[string]string { return map[string]string{"reg.lab/hosts.toml": text} }
	both := map[string]string{"plain": "whole", "other": "whole"}
	return []State{
		{Name: "mirror", Image: "reg.lab/x:1", Files: hosts(two), Shelf: both},
		{Name: "mirror without the image", Image: "reg.lab/x:1", Files: hosts(two), Shelf: map[string]string{"plain": "whole"}},
		{Name: "stale mirror", Image: "reg.lab/x:1", Files: hosts(two), Shelf: map[string]string{"plain": "whole", "other": "stale"}},
		{Name: "push mirror serves", Image: "reg.lab/x:1", Files: hosts(strings.Replace(two, `"pull", "resolve"`, `"push"`, 1)), Shelf: both},
		{Name: "pull mirror and a digest", Image: "reg.lab/x@", Files: hosts(strings.Replace(two, `"pull", "resolve"`, `"pull"`, 1)), Shelf: map[string]string{"other": "whole"}},
		{Name: "pull mirror and a tag", Image: "reg.lab/x:1", Files: hosts(strings.Replace(two, `"pull", "resolve"`, `"pull"`, 1)), Shelf: map[string]string{"other": "whole"}},
		{Name: "nobody resolves", Image: "reg.lab/x:1", Files: hosts("server = \"http://10.0.0.9:5000\"\ncapabilities = [\"pull\"]\n[host]\n"), Shelf: both},
		{Name: "portal", Image: "reg.lab/x:1", Files: hosts(two), Shelf: map[string]string{"plain": "whole", "other": "html"}},
		{Name: "layers elsewhere", Image: "reg.lab/x:1", Files: hosts(two), Shelf: map[string]string{"plain": "whole", "other": "blobless"}},
		{Name: "manifest elsewhere", Image: "reg.lab/x:1", Files: hosts(two), Shelf: map[string]string{"plain": "whole", "other": "bodiless"}},
		{Name: "missing CA", Image: "reg.lab/x:1", Files: hosts(plain + "[host.\"https://192.168.1.141:8443\"]\nca = \"/none.crt\"\n"), Shelf: both},
		{Name: "CA", Image: "reg.lab/x:1", Files: hosts("server = \"https://reg.lab\"\n" + ca + "[host]\n"), Shelf: map[string]string{"upstream": "whole"}},
		{Name: "no CA", Image: "reg.lab/x:1", Files: hosts("server = \"https://reg.lab\"\n[host]\n"), Shelf: map[string]string{"upstream": "whole"}},
		{Name: "certificate files", Image: "reg.lab/x:1", Files: map[string]string{"reg.lab/ca.crt": "CA"}, Shelf: map[string]string{"upstream": "whole"}},
		{Name: "port underscored", Image: "reg.lab:5000/x:1", Files: map[string]string{
			"reg.lab_5000_/hosts.toml": "server = \"http://10.0.0.9:5000\"\n" + plain, "reg.lab:5000/hosts.toml": "server = \"http://10.0.0.9:5000\"\n[host]\n",
		}, Shelf: both},
		{Name: "empty directory hides", Image: "reg.lab/x:1", Files: map[string]string{"reg.lab/": "", "_default/hosts.toml": plain}, Shelf: both},
		{Name: "default", Image: "reg.lab/x:1", Files: map[string]string{"_default/hosts.toml": plain}, Shelf: both},
		{Name: "a file in place", Image: "reg.lab/x:1", Files: map[string]string{"reg.lab": "x", "_default/hosts.toml": plain}, Shelf: both},
		{Name: "server alone", Image: "reg.lab/x:1", Files: hosts("server = \"http://192.168.1.140:5280\"\n"), Shelf: both},
		{Name: "byte order mark", Image: "reg.lab/x:1", Files: hosts("\ufeff" + two), Shelf: both},
		{Name: "inline hosts", Image: "reg.lab/x:1", Files: hosts("server = \"http://192.168.1.140:5280\"\nhost = {\"http://10.0.0.9:5000\" = {}}\n"), Shelf: both},
		{Name: "capital keys", Image: "reg.lab/x:1", Files: hosts("Server = \"http://10.0.0.9:5000\"\n" + plain), Shelf: map[string]string{"other": "whole"}},
		{Name: "http with TLS keys", Image: "reg.lab/x:1", Files: hosts(plain + "skip_verify = true\n"), Shelf: both},
		{Name: "http on 80 with TLS keys", Image: "reg.lab/x:1", Files: hosts("[host.\"http://192.168.1.142\"]\nskip_verify = true\n"), Shelf: map[string]string{"eighty": "whole"}},
		{Name: "loopback", Image: "localhost:32000/x:1", Shelf: map[string]string{"local": "whole"}},
		{Name: "ends 1.x", Image: "reg.lab/x:1", Files: hosts("[[host.\"http://a\"]]\n[[host.\"http://b\"]]\n"), Only: "1.7", Starts: true},
		{Name: "ends 2.2", Image: "reg.lab/x:1", Files: hosts("host.\"https://m\".capabilities = [\"pull\"]\nhost.\"https://m\".skip_verify = true\n"), Only: "2.2", Starts: true},
	}
}

// Random draws nodes: n of them, or as many as REGSYNC_ROADS says, from REGSYNC_SEED on.
func Random(n int) []State {
	number := func(name string, standard int) int {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return n
		}
		return standard
	}
	var all []State
	seed := number("REGSYNC_SEED", 1)
	for i := range number("REGSYNC_ROADS", n) {
		all = append(all, random(uint64(seed+i)))
	}
	return all
}

func random(seed uint64) State {
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	s := State{Name: fmt.Sprintf("seed %d", seed), Files: map[string]string{}, Shelf: map[string]string{}}
	registry := pick("reg.lab", "reg.lab", "reg.lab", "reg.lab:5000", "localhost:32000", "127.0.0.1:32000", "192.168.1.140:5280")
	s.Image = registry + "/x" + pick(":1", ":1", ":1", "@")
	dirs := []string{registry, registry, registry, "_default"}
	if i := strings.LastIndexByte(registry, ':'); i > 0 {
		dirs = append(dirs, registry[:i]+"_"+registry[i+1:]+"_")
	}
	for range 1 + r.IntN(2) {
		dir := dirs[r.IntN(len(dirs))]
		switch r.IntN(12) {
		case 0:
			s.Files[dir+"/"] = ""
		case 1:
			s.Files[dir+"/ca.crt"] = "CA"
		default:
			s.Files[dir+"/hosts.toml"] = randomHosts(pick)
		}
	}
	for _, name := range registries {
		s.Shelf[name] = pick("whole", "whole", "whole", "whole", "none", "none", "stale", "blobless", "headless", "bodiless", "401", "403", "500", "503", "html")
	}
	return s
}

// randomHosts draws a hosts.toml, most of them sound.
func randomHosts(pick func(...string) string) string {
	url := func() string {
		return pick("http://192.168.1.140:5280", "http://192.168.1.140:5280", "https://192.168.1.141:8443", "https://192.168.1.141:8443", "http://10.0.0.9:5000", "http://10.0.0.9:5000",
			"http://192.168.1.142", "http://192.168.1.142:80", "http://192.168.1.140:1", "https://reg.lab", "10.0.0.9:5000", "http://10.0.0.9:5000/v2/", "http://plain.lab:5280", "http://none.lab", "http://127.0.0.1:32000")
	}
	keys := func() string {
		return pick("", "", "capabilities = [\"pull\", \"resolve\"]\n", "capabilities = [\"pull\", \"resolve\"]\n", "capabilities = [\"pull\"]\n", "capabilities = [\"push\"]\n",
			"capabilities = [\"resolve\"]\n", "capabilities = [\"Pull\", \"resolve\", \"push\"]\n", "capabilities = []\n") +
			pick("", "", "", "", "ca = \"/etc/containerd/lab.crt\"\n", "ca = [\"/etc/containerd/lab.crt\"]\n", "skip_verify = true\n", "skip_verify = true\n", "skip_verify = false\n") +
			pick("", "", "", "", "", "", "", "override_path = true\n", "unknown = 1\n", "Skip_Verify = true\n")
	}
	text := pick("", "", "", "", "", "", "", "", "\ufeff", "# \xff\n")
	if pick("", "x") != "" {
		text += pick("server", "server", "server", "server", "Server") + " = \"" + url() + "\"\n" + pick("", "", keys())
	}
	seen := map[string]bool{}
	for range len(pick("", "x", "x", "xx", "xx", "xxx")) {
		u := url()
		if seen[u] {
			continue
		}
		seen[u] = true
		text += "[host.\"" + u + "\"]\n" + keys()
		if pick("", "", "", "x") != "" {
			text += "[host.\"" + u + "\".header]\nX-Site = \"a\"\n"
		}
	}
	return text
}
