package spec

import (
	"strings"
	"testing"

	"github.com/distribution/reference"
)

var digest256 = "sha256:" + strings.Repeat("0a", 32)

var references = []struct{ in, want string }{ // want is empty for what is no reference
	{"nginx", "docker.io/library/nginx:latest"},
	{"nginx:1.27", "docker.io/library/nginx:1.27"},
	{"docker.io/nginx", "docker.io/library/nginx:latest"},
	{"index.docker.io/nginx", "docker.io/library/nginx:latest"},
	{"index.docker.io/a/b", "docker.io/a/b:latest"},
	{"team/app:v1", "docker.io/team/app:v1"},
	{"localhost/app", "localhost/app:latest"},
	{"localhost:32000/mynginx:registry", "localhost:32000/mynginx:registry"},
	{"Team/app", "Team/app:latest"},
	{"harbor.corp:8443/a/b_c/d__e/f--g.h:T.-_1", "harbor.corp:8443/a/b_c/d__e/f--g.h:T.-_1"},
	{"[::1]:5000/x", "[::1]:5000/x:latest"},
	{"[fe80::A]/x", "[fe80::A]/x:latest"},
	{"nginx@" + digest256, "docker.io/library/nginx@" + digest256},
	{"nginx:1@" + digest256, "docker.io/library/nginx@" + digest256},
	{"a__b.c/d", "a__b.c/d:latest"},
	{"a.-b/c", ""},
	{"ghcr.io/a@sha512:" + strings.Repeat("0", 128), "ghcr.io/a@sha512:" + strings.Repeat("0", 128)},
	{"ghcr.io/" + strings.Repeat("a", 255), "ghcr.io/" + strings.Repeat("a", 255) + ":latest"},
	{"ghcr.io/" + strings.Repeat("a", 256), ""},
	{"ghcr.io/a:" + strings.Repeat("t", 128), "ghcr.io/a:" + strings.Repeat("t", 128)},
	{"ghcr.io/a:" + strings.Repeat("t", 129), ""},
	{strings.Repeat("0a", 32), ""},
	{strings.Repeat("0A", 32), ""},
	{"nginx@sha256:" + strings.Repeat("0A", 32), ""},
	{"nginx@sha256:" + strings.Repeat("0", 63), ""},
	{"nginx@md5:" + strings.Repeat("0", 32), ""},
	{"nginx@" + digest256 + ":1", ""},
	{"", ""},
	{"/", ""},
	{"nginx:", ""},
	{"nginx@", ""},
	{":1", ""},
	{"Nginx", ""},
	{"ghcr.io/Nginx", ""},
	{"ghcr.io/", ""},
	{"ghcr.io//a", ""},
	{"ghcr.io:/a", ""},
	{"ghcr.io:x/a", ""},
	{"-a.b/c", ""},
	{"a.b-/c", ""},
	{"[]/x", ""},
	{"[::1/x", ""},
	{"[::1]5000/x", ""},
	{"a..b", ""},
	{"a___b", ""},
	{"a-_b", ""},
	{"a-", ""},
	{"_a", ""},
	{"é", ""},
	{"É/a", ""},
	{"nginx:.1", ""},
	{"nginx:1:2", ""},
	{"https://ghcr.io/a", ""},
	{"a b", ""},
	{"a\n", ""},
}

func TestParseReference(t *testing.T) {
	for _, tt := range references {
		got, err := ParseReference(tt.in)
		if (err == nil) != (tt.want != "") || err == nil && got.String() != tt.want {
			t.Errorf("%q: got %q, %v; want %q", tt.in, got, err, tt.want)
		}
		agree(t, tt.in)
	}
}

// agree fails where Docker's own parser takes s otherwise.
func agree(t *testing.T, s string) {
	t.Helper()
	got, err := ParseReference(s)
	want, wantErr := reference.ParseDockerRef(s)
	switch {
	case (err == nil) != (wantErr == nil):
		t.Errorf("%q: got %v, Docker says %v", s, err, wantErr)
	case err == nil && (got.String() != want.String() || got.Domain != reference.Domain(want) || got.Path != reference.Path(want)):
		t.Errorf("%q: got %+v, Docker has %v", s, got, want)
	}
}

func FuzzParseReference(f *testing.F) {
	for _, tt := range references {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, s string) { agree(t, s) })
}

func BenchmarkParseReference(b *testing.B) {
	for b.Loop() {
		if _, err := ParseReference("harbor.corp:8443/team/app:v1.2.3"); err != nil {
			b.Fatal(err)
		}
	}
}
