package test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
)

// roadStates are nodes that show one rule each.
func roadStates() []roadState {
	const (
		two   = "server = \"http://192.168.1.140:5280\"\n[host.\"http://10.0.0.9:5000\"]\ncapabilities = [\"pull\", \"resolve\"]\n"
		ca    = "ca = \"/etc/containerd/lab.crt\"\n"
		plain = "[host.\"http://192.168.1.140:5280\"]\n"
	)
	hosts := func(text string) map[string]string { return map[string]string{"reg.lab/hosts.toml": text} }
	both := map[string]string{"plain": "whole", "other": "whole"}
	return []roadState{
		{name: "mirror", image: "reg.lab/x:1", files: hosts(two), shelf: both},
		{name: "mirror without the image", image: "reg.lab/x:1", files: hosts(two), shelf: map[string]string{"plain": "whole"}},
		{name: "stale mirror", image: "reg.lab/x:1", files: hosts(two), shelf: map[string]string{"plain": "whole", "other": "stale"}},
		{name: "push mirror serves", image: "reg.lab/x:1", files: hosts(strings.Replace(two, `"pull", "resolve"`, `"push"`, 1)), shelf: both},
		{name: "pull mirror and a digest", image: "reg.lab/x@", files: hosts(strings.Replace(two, `"pull", "resolve"`, `"pull"`, 1)), shelf: map[string]string{"other": "whole"}},
		{name: "pull mirror and a tag", image: "reg.lab/x:1", files: hosts(strings.Replace(two, `"pull", "resolve"`, `"pull"`, 1)), shelf: map[string]string{"other": "whole"}},
		{name: "nobody resolves", image: "reg.lab/x:1", files: hosts("server = \"http://10.0.0.9:5000\"\ncapabilities = [\"pull\"]\n[host]\n"), shelf: both},
		{name: "portal", image: "reg.lab/x:1", files: hosts(two), shelf: map[string]string{"plain": "whole", "other": "html"}},
		{name: "layers elsewhere", image: "reg.lab/x:1", files: hosts(two), shelf: map[string]string{"plain": "whole", "other": "blobless"}},
		{name: "manifest elsewhere", image: "reg.lab/x:1", files: hosts(two), shelf: map[string]string{"plain": "whole", "other": "bodiless"}},
		{name: "missing CA", image: "reg.lab/x:1", files: hosts(plain + "[host.\"https://192.168.1.141:8443\"]\nca = \"/none.crt\"\n"), shelf: both},
		{name: "CA", image: "reg.lab/x:1", files: hosts("server = \"https://reg.lab\"\n" + ca + "[host]\n"), shelf: map[string]string{"upstream": "whole"}},
		{name: "no CA", image: "reg.lab/x:1", files: hosts("server = \"https://reg.lab\"\n[host]\n"), shelf: map[string]string{"upstream": "whole"}},
		{name: "certificate files", image: "reg.lab/x:1", files: map[string]string{"reg.lab/ca.crt": "CA"}, shelf: map[string]string{"upstream": "whole"}},
		{name: "port underscored", image: "reg.lab:5000/x:1", files: map[string]string{
			"reg.lab_5000_/hosts.toml": "server = \"http://10.0.0.9:5000\"\n" + plain, "reg.lab:5000/hosts.toml": "server = \"http://10.0.0.9:5000\"\n[host]\n",
		}, shelf: both},
		{name: "empty directory hides", image: "reg.lab/x:1", files: map[string]string{"reg.lab/": "", "_default/hosts.toml": plain}, shelf: both},
		{name: "default", image: "reg.lab/x:1", files: map[string]string{"_default/hosts.toml": plain}, shelf: both},
		{name: "a file in place", image: "reg.lab/x:1", files: map[string]string{"reg.lab": "x", "_default/hosts.toml": plain}, shelf: both},
		{name: "server alone", image: "reg.lab/x:1", files: hosts("server = \"http://192.168.1.140:5280\"\n"), shelf: both},
		{name: "byte order mark", image: "reg.lab/x:1", files: hosts("\ufeff" + two), shelf: both},
		{name: "inline hosts", image: "reg.lab/x:1", files: hosts("server = \"http://192.168.1.140:5280\"\nhost = {\"http://10.0.0.9:5000\" = {}}\n"), shelf: both},
		{name: "capital keys", image: "reg.lab/x:1", files: hosts("Server = \"http://10.0.0.9:5000\"\n" + plain), shelf: map[string]string{"other": "whole"}},
		{name: "http with TLS keys", image: "reg.lab/x:1", files: hosts(plain + "skip_verify = true\n"), shelf: both},
		{name: "http on 80 with TLS keys", image: "reg.lab/x:1", files: hosts("[host.\"http://192.168.1.142\"]\nskip_verify = true\n"), shelf: map[string]string{"eighty": "whole"}},
		{name: "loopback", image: "localhost:32000/x:1", shelf: map[string]string{"local": "whole"}},
		{name: "ends 1.x", image: "reg.lab/x:1", files: hosts("[[host.\"http://a\"]]\n[[host.\"http://b\"]]\n"), only: "1.7", starts: true},
		{name: "ends 2.2", image: "reg.lab/x:1", files: hosts("host.\"https://m\".capabilities = [\"pull\"]\nhost.\"https://m\".skip_verify = true\n"), only: "2.2", starts: true},
	}
}

// randomRoads draws nodes. REGSYNC_ROADS says how many, 60 if it does not, and REGSYNC_SEED from where on.
func randomRoads(t *testing.T) []roadState {
	number := func(name string, standard int) int {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return n
		}
		return standard
	}
	if testing.Short() {
		return nil
	}
	var all []roadState
	seed := number("REGSYNC_SEED", 1)
	for i := range number("REGSYNC_ROADS", 60) {
		all = append(all, randomRoad(uint64(seed+i)))
	}
	t.Logf("%d random nodes from seed %d on", len(all), seed)
	return all
}

func randomRoad(seed uint64) roadState {
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	s := roadState{name: fmt.Sprintf("seed %d", seed), files: map[string]string{}, shelf: map[string]string{}}
	registry := pick("reg.lab", "reg.lab", "reg.lab", "reg.lab:5000", "localhost:32000", "127.0.0.1:32000", "192.168.1.140:5280")
	s.image = registry + "/x" + pick(":1", ":1", ":1", "@")
	dirs := []string{registry, registry, registry, "_default"}
	if i := strings.LastIndexByte(registry, ':'); i > 0 {
		dirs = append(dirs, registry[:i]+"_"+registry[i+1:]+"_")
	}
	for range 1 + r.IntN(2) {
		dir := dirs[r.IntN(len(dirs))]
		switch r.IntN(12) {
		case 0:
			s.files[dir+"/"] = ""
		case 1:
			s.files[dir+"/ca.crt"] = "CA"
		default:
			s.files[dir+"/hosts.toml"] = randomHosts(pick)
		}
	}
	for name := range labAddresses {
		s.shelf[name] = "" // one draw each, in the order below
	}
	for _, name := range []string{"eighty", "local", "other", "plain", "port", "tls", "upstream"} {
		s.shelf[name] = pick("whole", "whole", "whole", "whole", "none", "none", "stale", "blobless", "headless", "bodiless", "401", "403", "500", "503", "html")
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
