package render

import "testing"

func TestDirectory(t *testing.T) {
	under := func(names ...string) map[string]Dir {
		dirs := map[string]Dir{}
		for _, name := range names {
			dirs[name] = Dir{}
		}
		return dirs
	}
	for _, test := range []struct {
		host       string
		dirs       map[string]Dir
		name, dead string
	}{
		{"docker.io", nil, "docker.io", ""},
		{"docker.io", under("docker.io", "docker_io_"), "docker.io", ""},
		{"*", under("_default"), "_default", ""},
		{"h:5000", nil, "h:5000", ""},
		{"h:5000", under("h"), "h:5000", ""},
		{"h:5000", under("h:5000"), "h:5000", ""},
		{"h:5000", under("h_5000_"), "h_5000_", ""},
		{"h:5000", under("h_5000_", "h:5000"), "h_5000_", "h:5000"},
		{"[::1]:5000", under("[::1]_5000_"), "[::1]_5000_", ""},
	} {
		if name, dead := directory(test.host, test.dirs); name != test.name || dead != test.dead {
			t.Errorf("directory(%q, %v) = %q, %q, want %q, %q", test.host, test.dirs, name, dead, test.name, test.dead)
		}
	}
}

func TestSafeName(t *testing.T) {
	for name, want := range map[string]bool{
		"docker.io": true, "h:5000": true, "[::1]_5000_": true, "_default": true,
		"": false, ".": false, "..": false, "a/b": false, `a\b`: false, "a\x00": false, "/etc": false,
	} {
		if got := safeName(name); got != want {
			t.Errorf("safeName(%q) = %v", name, got)
		}
	}
}

func TestValid(t *testing.T) {
	for hosts, want := range map[string]bool{
		"":                               false,
		"\n":                             true,
		"server = \"https://x\"\n":       true,
		"server = 1\n":                   false,
		"server = \u201chttps://x\u201d": false,
		"[host.\"http://m\"]\ncapabilities = [\"Pull\", \"resolve\"]\n[host.\"http://m\".header]\na = \"b\"\n": true,
		"[host.\"http://m\"]\ncapabilities = [\"fetch\"]\n":                                                    false,
		"capabilities = [\"fetch\"]\n":                                                                         false,
	} {
		if got := valid([]byte(hosts)); got != want {
			t.Errorf("valid(%q) = %v", hosts, got)
		}
	}
}
