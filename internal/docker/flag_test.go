package docker

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestSplitWords(t *testing.T) {
	for _, tt := range []struct {
		line string
		want []string
	}{
		{"", nil},
		{"  a  b\t c ", []string{"a", "b", "c"}},
		{`"a b" 'c "d"' e"f g"h`, []string{"a b", `c "d"`, "ef gh"}},
		{`a "" b`, []string{"a", "", "b"}},
		{`"never closed`, []string{"never closed"}},
	} {
		if diff := cmp.Diff(tt.want, splitWords(tt.line)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.line, diff)
		}
	}
}

func TestParseEnvironment(t *testing.T) {
	const text = `# DOCKER_OPTS="--registry-mirror=x"
DOCKER_OPTS="--a --b=c"
export HTTP_PROXY='http://p:1/'
BARE=x
  SPACED = y
if [ "$A" = b ]; then
LONG="--a \
  --b"
`
	want := []assignment{{"DOCKER_OPTS", "--a --b=c"}, {"HTTP_PROXY", "http://p:1/"}, {"BARE", "x"}, {"SPACED", "y"}, {"LONG", "--a  --b"}}
	if diff := cmp.Diff(want, parseEnvironment(text), cmp.AllowUnexported(assignment{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHasFlag(t *testing.T) {
	const flag = "--registry-mirror"
	for _, tt := range []struct {
		words []string
		want  bool
	}{
		{[]string{"dockerd"}, false},
		{[]string{"dockerd", "--registry-mirror", "http://m"}, true},
		{[]string{"dockerd", "--registry-mirror=http://m"}, true},
		{[]string{"dockerd", "--registry-mirrors=http://m"}, false},
		{[]string{"dockerd", "--", "--registry-mirror"}, false},
	} {
		if got := hasFlag(tt.words, flag); got != tt.want {
			t.Errorf("%q has %s: %v, want %v", tt.words, flag, got, tt.want)
		}
	}
}

const debianUnit = `[Unit]
Description=Docker Application Container Engine

[Service]
EnvironmentFile=-/etc/default/docker
ExecStart=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS
ExecReload=/bin/kill -s HUP $MAINPID
`

const upstreamUnit = `[Service]
ExecStart=/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock
`

func TestFlagClash(t *testing.T) {
	const lib, etc, dropIns = "lib/systemd/system/docker.service", "etc/systemd/system/docker.service", "etc/systemd/system/docker.service.d/"
	for _, tt := range []struct {
		name  string
		files map[string]string
		where string // of --registry-mirror
	}{
		{"no Docker", nil, ""},
		{"stock", map[string]string{lib: debianUnit, "etc/default/docker": "#DOCKER_OPTS=\"--registry-mirror=x\"\n"}, ""},
		{"in the unit", map[string]string{etc: "[Service]\nExecStart=dockerd \\\n  --registry-mirror http://m\n"}, "/etc/systemd/system/docker.service"},
		{"the unit in /etc wins", map[string]string{etc: upstreamUnit, lib: "[Service]\nExecStart=dockerd --registry-mirror=http://m\n"}, ""},
		{"in Debian's options", map[string]string{lib: debianUnit, "etc/default/docker": "DOCKER_OPTS=\"--dns 1.1.1.1 --registry-mirror=http://m\"\n"}, "/etc/default/docker"},
		{"in options that the unit does not read", map[string]string{lib: upstreamUnit, "etc/default/docker": "DOCKER_OPTS=\"--registry-mirror=http://m\"\n"}, ""},
		{"in options without a unit", map[string]string{"etc/default/docker": "DOCKER_OPTS=\"--registry-mirror=http://m\"\n"}, "/etc/default/docker"},
		{"in Red Hat's options without a unit", map[string]string{"etc/sysconfig/docker": "OPTIONS='--registry-mirror=http://m'\n"}, "/etc/sysconfig/docker"},
		{"in a drop-in", map[string]string{lib: upstreamUnit, dropIns + "m.conf": "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd --registry-mirror=http://m\n"}, "/etc/systemd/system/docker.service.d/m.conf"},
		{"taken back by a later drop-in", map[string]string{
			lib:                 upstreamUnit,
			dropIns + "a.conf":  "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd --registry-mirror=http://m\n",
			dropIns + "b.conf":  "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd\n",
			dropIns + "ignored": "[Service]\nExecStart=/usr/bin/dockerd --registry-mirror=http://m\n",
		}, ""},
		{"drop-in hidden by one of its name", map[string]string{
			lib: upstreamUnit,
			"usr/lib/systemd/system/docker.service.d/a.conf": "[Service]\nEnvironment=DOCKER_OPTS=--registry-mirror=http://m\nExecStart=\nExecStart=dockerd $DOCKER_OPTS\n",
			dropIns + "a.conf": "[Service]\n",
		}, ""},
		{"in an environment of a drop-in", map[string]string{
			lib:                debianUnit,
			dropIns + "a.conf": "[Service]\nEnvironment=\"DOCKER_OPTS=--dns 1.1.1.1 --registry-mirror=http://m\" B=c\n",
		}, "/etc/systemd/system/docker.service.d/a.conf"},
		{"in an environment that nobody asks for", map[string]string{lib: upstreamUnit, dropIns + "a.conf": "[Service]\nEnvironment=\"DOCKER_OPTS=--registry-mirror=http://m\"\n"}, ""},
		{"in another section", map[string]string{lib: upstreamUnit + "[X-Notes]\nExecStart=dockerd --registry-mirror=http://m\n"}, ""},
		{"in the process", map[string]string{"proc/self/x": "", "proc/77/comm": "dockerd\n", "proc/77/cmdline": "dockerd\x00--registry-mirror\x00http://m\x00", "var/run/docker.pid": "77"}, "the running dockerd (process 77)"},
		{"in the process of a pid file of its own", map[string]string{
			"proc/self/x": "", "proc/77/comm": "dockerd\n", "proc/77/cmdline": "dockerd\x00--registry-mirror=http://m\x00",
			"etc/docker/daemon.json": `{"pidfile": "/srv/pid"}`, "srv/pid": "77\n",
		}, "the running dockerd (process 77)"},
		{"in a process that is no dockerd", map[string]string{"proc/self/x": "", "proc/77/comm": "sh\n", "proc/77/cmdline": "x\x00--registry-mirror\x00http://m\x00", "var/run/docker.pid": "77"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := Daemon{Root: tree(t, tt.files)}
			where, flag, err := d.FlagClash([]string{"insecure-registries", "registry-mirrors"})
			if err != nil || where != tt.where || (flag != "") != (tt.where != "") {
				t.Errorf("clash with %q in %q, %v; want it in %q", flag, where, err, tt.where)
			}
			if where, flag, err := d.FlagClash([]string{"insecure-registries"}); err != nil || where != "" {
				t.Errorf("clash with %q in %q, %v; want none", flag, where, err)
			}
		})
	}
	if _, _, err := (Daemon{Root: t.TempDir()}).FlagClash([]string{"debug"}); err == nil {
		t.Error("no error for a key whose flag is not known")
	}
}

// tree makes a directory with files in it, and links as Debian has them.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"run", "var"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/run", filepath.Join(root, "var/run")); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		file := Daemon{Root: root}.on("/" + name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestParseUnitMissingFile(t *testing.T) {
	s := parseUnit([]unitText{{"u", debianUnit}})
	sources, err := s.sources(func(path string) ([]byte, error) { return nil, fmt.Errorf("reading %q: %w", path, fs.ErrNotExist) })
	want := []source{{"u", []string{"/usr/sbin/dockerd", "-H", "fd://", "$DOCKER_OPTS"}}}
	if diff := cmp.Diff(want, sources, cmp.AllowUnexported(source{})); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func FuzzUnit(f *testing.F) {
	f.Add(debianUnit, "--registry-mirror=http://m")
	f.Add("[Service]\nExecStart=\\\n", "a\"b' c")
	f.Fuzz(func(t *testing.T, text, word string) {
		none := func(string) ([]byte, error) { return []byte(text), nil }
		if _, err := parseUnit([]unitText{{"u", text}}).sources(none); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(word, `"`) || !utf8.ValidString(word) {
			return
		}
		if diff := cmp.Diff([]string{"a", word, "b"}, splitWords(`a "`+word+`" b`)); diff != "" {
			t.Fatalf("%q in quotes (-want +got):\n%s", word, diff)
		}
	})
}
